import { parseCredentialId } from '../../../domain/identifiers.ts';
import { formatDuration } from '../../../domain/duration.ts';
import { KeybatonError } from '../../../domain/errors.ts';
import type { Drills } from '../../drill-ports.ts';
import { drill, type Drilled, type DrillInput } from '../../operations/drill.ts';
import type { Command, Given } from '../command.ts';
import type { CliPorts } from '../environment.ts';
import { count, printable } from '../text.ts';
import { drillFromAfar, verdictExit } from './drill-from-afar.ts';

/** Throws UNSUPPORTED in a process that was given no way to mint. */
function drillsOf({ drills }: CliPorts): Drills {
  if (drills !== undefined) return drills;
  throw new KeybatonError('UNSUPPORTED', 'this process cannot ask the providers: run it where a worker could run');
}

export const drillCommand: Command = {
  name: 'drill',
  summary: 'Mint a key that production never sees, have it stolen, and measure how fast it dies',
  about:
    'A real key, a thief in a process of its own, a real incident over exactly this key. Needs room for one more key at the target, and a credential that is at rest; nothing else of it is touched. The exit code is 8 when the thief got through after the proof, when the key was not proved dead within 15 minutes, or when nothing could be measured. Ctrl-C stops the drill, not the kill. With KEYBATON_URL a worker drills, and Ctrl-C stops only the waiting.',
  arguments: [{ name: 'credential', about: 'provider/environment/application', optional: true }],
  options: [
    {
      flags: '--target <target>',
      about: 'any credential at rest of this target: the one that was longest not drilled',
    },
    { flags: '--linger <duration>', about: 'how long the thief goes on after the proof', default: '10s' },
    { flags: '--direct', about: 'kill from this process, without Temporal' },
  ],
  answers: [
    'credential',
    'target',
    'version',
    'incident',
    'how',
    'declaredAt',
    'containedAt',
    'deadAt',
    'measures',
    'troubles',
  ],
  examples: [
    { line: 'keybaton drill openai/prod/support-bot', about: 'how fast would a leaked key of this one die' },
    { line: 'keybaton drill --target openai-prod --json', about: 'any of a target, for a program' },
  ],
  async run(context, given) {
    const { output, actor, signal } = context;
    const of = named(given);
    if (context.remote) {
      if (given.flag('direct'))
        throw new KeybatonError(
          'INVALID_CONFIG',
          '--direct kills from this machine: leave it out, or unset KEYBATON_URL',
        );
      const found = await drillFromAfar(context, of);
      output.answer(found, () => drilledText(found));
      return verdictExit(found);
    }
    const lingers = given.duration('linger');
    const open = await context.ports();
    const found = await drill(
      { ledger: open.ledger, drills: drillsOf(open), emergency: await context.incidentPorts() },
      {
        of,
        actor,
        signal,
        direct: given.flag('direct'),
        ...(lingers === undefined ? {} : { lingers }),
        onStep: (text) => output.note(printable(text)),
      },
    );
    output.answer(found, () => drilledText(found));
    return verdictExit(found);
  },
};

function named(given: Given): DrillInput['of'] {
  const [credential, target] = [given.optionalArgument(0), given.text('target')];
  if (credential !== undefined && target === undefined) return { credential: parseCredentialId(credential) };
  if (credential === undefined && target !== undefined) return { target };
  throw new KeybatonError('INVALID_CONFIG', 'name one credential, or a target with --target');
}

function drilledText({ credential, incident, version, measures, troubles }: Drilled): string {
  const { toContained, toDead, toLastUse, uses, verdict, because } = measures;
  const after = (time: number | null, never: string): string => (time === null ? never : formatDuration(time));
  return [
    `drill of ${credential}: ${verdict === 'passed' ? 'passed' : 'FAILED'}`,
    ...because.map((one) => `  ${one}`),
    `  declared -> contained       ${after(toContained, 'never')}`,
    `  declared -> proved dead     ${after(toDead, 'never')}`,
    `  declared -> last use        ${after(toLastUse, 'none got through after it')}`,
    `  the thief got through       ${uses.beforeDeclared} times before, ${uses.afterDeclared} after the declaration, ${uses.afterDead} after the proof (of ${count(uses.tried, 'try', 'tries')})`,
    ...(uses.unanswered === 0 ? [] : [`  without an answer           ${uses.unanswered}`]),
    ...troubles.map((one) => `  ${one}`),
    `  version ${version}, incident ${incident}`,
  ]
    .map(printable)
    .join('\n');
}
