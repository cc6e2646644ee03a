import { KeybatonError } from '../../../domain/errors.ts';
import { parseCredentialId } from '../../../domain/identifiers.ts';
import type { ReportedKey, TargetReport } from '../../../domain/reconcile.ts';
import { adoptKey, type AdoptedKey } from '../../operations/adopt-key.ts';
import { materialShape } from '../../operations/material-shape.ts';
import type { Reconciled } from '../../operations/reconcile.ts';
import { shellWord } from '../../operations/shell-word.ts';
import { reconcileOperation } from '../../operations/table/installation.ts';
import type { Command, CommandContext } from '../command.ts';
import { readMaterial } from '../read-material.ts';
import { count, printable, relative } from '../text.ts';
import { sweepingOf } from './sweep.ts';

export const reconcileCommand: Command = {
  name: 'reconcile',
  summary: 'Compare every live key at the targets with the ledger',
  about:
    'Only reports, unless told otherwise. A stray bears our mark, and no record names it: it may be revoked once it was seen twice, further apart than the longest issue. An unmanaged key was not made by keybaton, and is never revoked by it: adopt it, or ignore it with a reason. To adopt is to import: the value comes from a hidden prompt or standard input, and the key becomes the current version of that credential. A restored ledger acts again after --read. The exit code is 8 when something was found, 10 when a target did not answer.',
  options: [
    { flags: '--target <target>', about: 'only this one' },
    { flags: '--adopt <key>', about: 'bring the key with this id under management; with --as' },
    { flags: '--as <credential>', about: 'whose current version it becomes' },
    { flags: '--ignore <key>', about: 'the id of a key that is none of our business; with --target and --why' },
    { flags: '--why <reason>', about: 'for the ledger' },
    { flags: '--revoke-strays', about: 'let every ripe stray die' },
    { flags: '--read', about: 'you have read it: a restored ledger may act again' },
  ],
  answers: ['targets', 'adopted', 'revoked', 'kept', 'trusted'],
  examples: [
    { line: 'keybaton reconcile', about: 'every target that is in use' },
    { line: 'keybaton reconcile --adopt key_abc --as openai/prod/support-bot', about: 'asks for its value' },
    { line: 'keybaton reconcile --target openai-prod --ignore key_abc --why "the build server"', about: 'not ours' },
    { line: 'keybaton reconcile --revoke-strays', about: 'what is ours, alive and nobody knows' },
  ],
  async run(context, given) {
    const { output, call } = context;
    const [target, ignore, why] = [given.text('target'), given.text('ignore'), given.text('why')];
    const [key, as] = [given.text('adopt'), given.text('as')];
    if ((key === undefined) !== (as === undefined))
      throw new KeybatonError('INVALID_CONFIG', '--adopt names the key, and --as whose it becomes: say both');
    if (context.remote && key !== undefined && as !== undefined) {
      const words = ['keybaton', 'reconcile', ...(target === undefined ? [] : ['--target', target])];
      const line = [...words, '--adopt', key, '--as', as].map(shellWord).join(' ');
      throw new KeybatonError(
        'UNSUPPORTED',
        `the API can ask no provider for the key: on the host of a worker type: ${line}`,
      );
    }
    const adopted = key === undefined || as === undefined ? undefined : await adopt(context, { key, as, target });
    const compared: Reconciled = await call(reconcileOperation, {
      ...(target === undefined ? {} : { target }),
      ...(ignore === undefined ? {} : { ignore }),
      ...(why === undefined ? {} : { why }),
      revokeStrays: given.flag('revokeStrays'),
      read: given.flag('read'),
    });
    const found = { ...compared, adopted: adopted ?? null };
    output.answer(found, () => reconciledText(found, Date.now()));
    if (found.targets.some(({ trouble }) => trouble !== undefined)) return 10;
    const open8 = found.targets.some(
      ({ keys, vanished }) =>
        vanished.length > 0 || keys.some(({ standing }) => standing === 'stray' || standing === 'unmanaged'),
    );
    return open8 ? 8 : 0;
  },
};

async function adopt(
  context: CommandContext,
  { key, as, target }: { readonly key: string; readonly as: string; readonly target: string | undefined },
): Promise<AdoptedKey> {
  const open = await context.ports();
  const credential = parseCredentialId(as);
  const value = async () => readMaterial(context, await materialShape(open, credential));
  const ports = { ledger: open.ledger, supplies: open.supplies, sweeping: sweepingOf(open) };
  return adoptKey(ports, { key, credential, target, actor: context.actor, value });
}

function reconciledText(
  { targets, adopted, revoked, kept, trusted }: Reconciled & { readonly adopted: AdoptedKey | null },
  now: number,
): string {
  return [
    ...(adopted === null ? [] : [`${adopted.key}: adopted as ${adopted.version}, current of ${adopted.credential}`]),
    ...targets.flatMap((report) => targetText(report, now)),
    ...revoked.map(({ ref, how }) => `${ref.id}: ${how === 'owed' ? 'its rotation kills it' : 'revoked'}`),
    ...kept.map(({ ref, why }) => `${ref}: not revoked: ${why}`),
    ...(trusted ? [] : ['the ledger was restored and only observes: compare, then keybaton reconcile --read']),
  ]
    .map(printable)
    .join('\n');
}

function targetText({ target, trouble, ours, keys, vanished }: TargetReport, now: number): readonly string[] {
  if (trouble !== undefined) return [`${target}: cannot tell: ${trouble}`];
  return [
    `${target}: ${count(ours, 'key')} of ours, as the ledger has them`,
    ...keys.map((key) => `  ${keyText(key, target, now)}`),
    ...vanished.map(
      ({ credential, version, how }) => `  VANISHED  ${version} of ${credential} is ${how}, and keybaton did not do it`,
    ),
  ];
}

function keyText(key: ReportedKey, target: string, now: number): string {
  const named = [key.ref.id, key.hint === undefined ? '' : `"${key.hint}"`, key.credential ?? '']
    .filter((part) => part !== '')
    .join(' ');
  const made = key.createdAt === undefined ? '' : `, made ${relative(key.createdAt, now)}`;
  switch (key.standing) {
    case 'stray':
      return `stray      ${named}${made}: ${key.ripe ? 'may be revoked: keybaton reconcile --revoke-strays' : 'look again in a few minutes'}`;
    case 'unmanaged':
      return `unmanaged  ${named}${made}: keybaton reconcile --adopt ${key.ref.id} --as <credential>, or --target ${target} --ignore ${key.ref.id} --why "..."`;
    case 'in doubt':
      return `in doubt   ${named}: a create under way may have made it`;
    case 'ignored':
      return `ignored    ${named}`;
  }
}
