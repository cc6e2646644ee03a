import { pullSwitch, type SwitchBlast } from '../../operations/kill-switch.ts';
import { switchListOperation, switchLookOperation, switchPullOperation } from '../../operations/table/kill-switch.ts';
import type { SwitchName } from '../../incident-ports.ts';
import type { Command, CommandContext } from '../command.ts';
import { count, printable } from '../text.ts';

export const killSwitchCommand: Command = {
  name: 'kill-switch',
  summary: 'End every key that a switch of one target reaches, ours or not',
  about:
    'For the emergency in which nobody knows which key leaked. No rotation and no `emergency` ever pulls a switch: it is named here, by a person, with the number of keys that it ends. Without a name it shows the switches of the target. Needs neither ledger nor Temporal. What it ended is replaced by `keybaton emergency`, whose line it prints.',
  arguments: [
    { name: 'target', about: 'a name under `targets:` in targets.yml' },
    { name: 'switch', about: 'which one', optional: true },
  ],
  options: [
    { flags: '--reason <text>', about: 'why, for the record' },
    { flags: '--dry-run', about: 'only show what it would end, and who would feel it' },
    { flags: '--count <number>', about: 'how many keys it ends; must be said' },
  ],
  answers: ['kind', 'target', 'switches', 'blast', 'troubles'],
  examples: [
    { line: 'keybaton kill-switch azure-prod', about: 'which switches there are' },
    { line: 'keybaton kill-switch azure-prod keys-off --dry-run', about: 'what this one would end' },
    {
      line: 'keybaton kill-switch azure-prod keys-off --count 2 --reason "both keys in a public notebook"',
      about: 'end it',
    },
  ],
  async run(context, given) {
    const { call } = context;
    const target = given.argument(0);
    const name = given.optionalArgument(1);
    if (name === undefined) {
      const { switches } = await call(switchListOperation, { target });
      return answer(context, { kind: 'switches', target, switches }, () => switchesText(target, switches));
    }
    if (given.flag('dryRun')) {
      const { blast } = await call(switchLookOperation, { target, switch: name });
      return answer(context, { kind: 'dry run', target, blast }, () => blastText(blast));
    }
    const why = given.required('reason', 'say why, for the record and for whoever asks why everything stood still');
    const typed = given.number('count');
    // Without a number the provider is asked how many keys it would end; that only who may ask it can tell.
    const { blast, troubles } =
      context.remote && typed !== undefined
        ? await call(switchPullOperation, { target, switch: name, count: typed, why })
        : await pullSwitch(await context.incidentPorts(), { target, name, count: typed, who: context.actor, why });
    return answer(context, { kind: 'pulled', target, blast, troubles }, () => pulledText(blast, troubles));
  },
};

/** The answer has the same keys whatever it tells. */
function answer(
  { output }: CommandContext,
  said: {
    readonly kind: string;
    readonly target: string;
    readonly switches?: readonly SwitchName[];
    readonly blast?: SwitchBlast;
    readonly troubles?: readonly string[];
  },
  human: () => string,
): number {
  const { kind, target, switches = [], blast = null, troubles = [] } = said;
  output.answer({ kind, target, switches, blast, troubles }, human);
  return 0;
}

const takenBack = (undo: string | null): string =>
  undo === null ? 'nothing brings it back' : `to take it back: ${undo}`;

const switchesText = (target: string, switches: readonly SwitchName[]): string =>
  switches.length === 0
    ? `${target} has no kill switch: \`keybaton emergency\` kills its keys one by one`
    : switches.flatMap(({ name, kills, undo }) => [name, `  ends ${kills}`, `  ${takenBack(undo)}`]).join('\n');

function blastText(blast: SwitchBlast): string {
  return [
    ...reachText(blast),
    ...(blast.pulled ? ['it is pulled already'] : [`to go on, say --count ${blast.keys.length}`]),
    'nothing was ended (--dry-run)',
  ].join('\n');
}

const reachText = ({ name, target, kills, undo, keys, credentials, consumers }: SwitchBlast): readonly string[] => [
  `${name} of ${target} ends ${kills}`,
  `  ${takenBack(undo)}`,
  `  ${count(keys.length, 'key')} now`,
  ...keys.map(({ id, hint, version }) =>
    printable(`    ${id}${hint === null ? '' : ` ${hint}`}  ${version ?? 'not of this installation'}`),
  ),
  `  credentials: ${listed(credentials)}`,
  `  consumers:   ${listed(consumers)}`,
];

const listed = (names: readonly string[] | null): string =>
  names === null ? 'not known without the kill sheet' : names.length === 0 ? 'none' : names.join(', ');

const pulledText = (blast: SwitchBlast, troubles: readonly string[]): string =>
  [
    `${blast.name} of ${blast.target} is pulled: ${count(blast.keys.length, 'key')} ended`,
    takenBack(blast.undo),
    ...troubles.map(printable),
    ...(blast.credentials === null || blast.credentials.length === 0
      ? []
      : [`next: keybaton emergency ${blast.credentials.join(' ')} --reason ...  (replaces them)`]),
  ].join('\n');
