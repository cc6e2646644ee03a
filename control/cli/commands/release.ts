import { KeybatonError } from '../../../domain/errors.ts';
import type { ReleaseKind } from '../../../domain/facts.ts';
import { parseVersionId } from '../../../domain/identifiers.ts';
import type { VersionId } from '../../../domain/identifiers.ts';
import { releaseOperation } from '../../operations/table/release.ts';
import type { Command, Given } from '../command.ts';
import { wrapped } from '../text.ts';

const done: Readonly<Record<ReleaseKind, string>> = {
  unproved:
    'released without the proof that is missing now; the old version dies next, unless backend or survivor say no',
  ask: 'released: this rotation may revoke the old version',
  retire: 'released: its versions may die once everybody has left and they are silent',
  alive: 'given up: this version may be alive for ever, and that is on record under your name',
};

export const releaseCommand: Command = {
  name: 'release',
  summary: 'Let a held rotation, a retiring entry or a debt go on, under your name',
  arguments: [{ name: 'credential', about: 'provider/environment/application' }],
  options: [
    { flags: '--unproved', about: 'without the evidence and silence that are missing now' },
    { flags: '--ask', about: 'mode ask: go on to revoke, for this epoch' },
    { flags: '--retire', about: 'an entry that was removed: let its versions die' },
    { flags: '--alive <version>', about: 'give up a version that cannot be killed' },
    { flags: '--why <reason>', about: 'for the ledger' },
  ],
  answers: ['request', 'told'],
  examples: [
    {
      line: 'keybaton release openai/prod/support-bot --ask --why "checked the dashboards"',
      about: 'mode ask waits for this',
    },
    {
      line: 'keybaton release openai/prod/support-bot --unproved --why "web is being rebuilt"',
      about: 'accept that web may be cut off',
    },
    { line: 'keybaton release openai/prod/support-bot --retire --why "project ended"', about: 'the end of an entry' },
  ],
  async run({ output, call }, given) {
    const credential = given.credential();
    const what = releaseFrom(given);
    const why = given.required('why', 'say why this may go on');
    const result = await call(releaseOperation, { credential, why, ...what });
    output.answer(result, () =>
      [wrapped(`${credential}: ${done[what.release]}`, output.width), `next: keybaton status ${credential}`].join('\n'),
    );
    return 0;
  },
};

function releaseFrom(given: Given): { release: ReleaseKind; version?: VersionId } {
  const alive = given.text('alive');
  const flags = (['unproved', 'ask', 'retire'] as const).filter((kind) => given.flag(kind));
  const [first, second] = [...flags, ...(alive === undefined ? [] : (['alive'] as const))];
  if (first === undefined || second !== undefined) {
    throw new KeybatonError('INVALID_CONFIG', 'say exactly one of --unproved, --ask, --retire and --alive <version>');
  }
  return alive === undefined ? { release: first } : { release: first, version: parseVersionId(alive) };
}
