import { readFile } from 'node:fs/promises';
import { isCancel, text as askText } from '@clack/prompts';
import { errorTable, KeybatonError } from '../../../domain/errors.ts';
import { isCredentialId } from '../../../domain/identifiers.ts';
import type { KillFact } from '../../../domain/incident.ts';
import { readInventory } from '../../../inventory/read.ts';
import type { Targets } from '../../../inventory/targets.ts';
import type { EmergencyPorts } from '../../incident-ports.ts';
import { blastRadius } from '../../operations/emergency-blast.ts';
import type { BlastRadius } from '../../operations/emergency-blast.ts';
import { refuseScopeBeside, resolveLeaked } from '../../operations/emergency-leaked.ts';
import { resolveEmergency } from '../../operations/emergency-resolve.ts';
import type { Resolved } from '../../operations/emergency-resolve.ts';
import { scopeOptions } from '../../operations/emergency-scope.ts';
import type { EmergencyScope } from '../../operations/emergency-scope.ts';
import { declareEmergency } from '../../operations/emergency.ts';
import type { Declared } from '../../operations/emergency.ts';
import { showIncident, viewOf } from '../../operations/incident-show.ts';
import type { IncidentView } from '../../operations/incident-show.ts';
import { killed, watchIncident } from '../../operations/incident-watch.ts';
import { blastText, foundText } from '../blast-text.ts';
import type { Command, CommandContext, Given } from '../command.ts';
import { incidentText, liveIncident } from '../incident-view.ts';
import { readMaterial } from '../read-material.ts';
import { emergencyFromAfar } from './emergency-from-afar.ts';
import { count, moment, printable } from '../text.ts';

/** How each option of the scope is called on the command line. */
const flags = {
  provider: 'provider',
  team: 'team',
  environment: 'env',
  group: 'group',
  backend: 'backend',
  leakSource: 'leakSource',
} as const;

export const emergencyCommand: Command = {
  name: 'emergency',
  summary: 'Kill leaked keys now, and replace them beside it',
  about:
    'Works while the ledger, backends, notifications and even Temporal are down: keys are found in the ledger, else on the kill sheet, else in what providers list, and it says which. Credentials add up; options narrow, each further. When Temporal does not answer in 5 seconds, or no worker does, this process kills by itself. Shows it until every key is proved dead; the exit code is 10 while one is not, 7 when the value of --leaked belongs to nobody known and no provider kills it.',
  arguments: [{ name: 'credential...', about: 'provider/environment/application, one or several', optional: true }],
  options: [
    { flags: '--reason <text>', about: 'why, for the record and the report' },
    { flags: '--provider <name>', about: 'every key of this provider' },
    { flags: '--team <team>', about: 'every key of this team' },
    { flags: '--env <environment>', about: 'every key of this environment' },
    { flags: '--group <group>', about: 'every key with this mark' },
    { flags: '--backend <name>', about: 'every key that is kept in this backend' },
    { flags: '--leak-source <consumer>', about: 'everything that this consumer reads' },
    { flags: '--leaked', about: 'whose key is this value? asked at a hidden prompt, or on standard input' },
    { flags: '--dry-run', about: 'only show what would be killed, when, and who would feel it' },
    { flags: '--count <number>', about: 'how many keys this kills; must be said for more than 25' },
    { flags: '--direct', about: 'kill from this process, without Temporal' },
    { flags: '--no-wait', about: 'declare and return' },
    {
      flags: '--targets <file>',
      about: 'where to find providers without ledger and kill sheet',
      default: 'targets.yml',
    },
  ],
  answers: ['kind', 'incident', 'declaredAt', 'how', 'troubles', 'byValue', 'imported', 'blast', 'state'],
  examples: [
    {
      line: 'keybaton emergency openai/prod/support-bot --reason "key in a public repository"',
      about: 'kill this one now',
    },
    {
      line: 'keybaton emergency --leaked --reason "found in a log" < found.txt',
      about: 'whose is it? kill exactly that one',
    },
    { line: 'keybaton emergency --provider openai --env prod --dry-run --reason drill', about: 'what that would kill' },
    {
      line: 'keybaton emergency --leak-source web --reason "web was broken into" --count 40',
      about: 'everything this consumer could read',
    },
    {
      line: 'keybaton emergency openai/prod/support-bot --direct --reason "Temporal is down"',
      about: 'without Temporal',
    },
  ],
  async run(context, given) {
    const why = given.required('reason', 'say why, for the record and for whoever reads the report');
    const leaked = given.flag('leaked');
    const scope = scopeFrom(given, leaked);
    const targetsFile = (): Promise<Targets> => context.ownIncidentPorts().then((ports) => readTargets(ports, given));
    if (context.remote && !given.flag('direct')) return emergencyFromAfar(context, given, { why, leaked, scope });
    const value = leaked ? await readMaterial(context, { fields: ['leaked value'], value: 'leaked value' }) : undefined;
    const ports = await context.ownIncidentPorts();
    const resolved =
      value === undefined
        ? await resolveEmergency(ports, { scope, targetsFile })
        : await resolveLeaked(ports, { value, targetsFile });
    const blast = await blastRadius(ports, resolved);
    if (given.flag('dryRun'))
      return answer(context, { kind: 'dry run', blast }, () => blastText(blast, context.output.width));
    if (resolved.versions.length === 0 && resolved.deadAlready.length > 0)
      return answer(context, { kind: 'dead already', blast }, () => deadText(resolved));
    context.output.note(foundText(blast));
    return declare(context, ports, { resolved, blast, why, given });
  },
};

function scopeFrom(given: Given, leaked: boolean): EmergencyScope {
  const named = given.rest();
  const options = scopeOptions.flatMap((option) => {
    const text = given.text(flags[option]);
    return text === undefined ? [] : [[option, text] as const];
  });
  if (leaked) refuseScopeBeside(named.length + options.length > 0);
  return {
    credentials: [...new Set(named)].map((id) => {
      if (isCredentialId(id)) return id;
      // Not repeated: at 3 a.m. people paste the key itself.
      throw new KeybatonError(
        'INVALID_CONFIG',
        'an argument is not a credential id: write provider/environment/application; a leaked value is given with --leaked, at the prompt or on standard input, never as an argument',
      );
    }),
    ...Object.fromEntries(options),
  };
}

interface Wanted {
  readonly resolved: Resolved;
  readonly blast: BlastRadius;
  readonly why: string;
  readonly given: Given;
}

async function declare(
  context: CommandContext,
  ports: EmergencyPorts,
  { resolved, blast, why, given }: Wanted,
): Promise<number> {
  const { output, signal } = context;
  const typed = given.number('count') ?? (blast.mustCount ? await askCount(context, blast) : undefined);
  const declared = await declareEmergency(ports, {
    resolved,
    who: context.actor,
    why,
    direct: given.flag('direct'),
    count: typed,
    signal,
    onFact: (fact) => output.note(factText(fact)),
    onDeclared: ({ incident, how, troubles }) => {
      output.note(
        `incident ${incident} is declared; ${how === 'temporal' ? 'the workers kill' : 'this process kills'}`,
      );
      troubles.forEach((one) => output.note(`  ${printable(one)}`));
    },
  });
  const state = await stateOf(context, ports, declared, given.flag('wait'));
  const shown = { kind: 'declared', ...declared, blast, state };
  answer(context, shown, () => declaredText(declared, state, output.width));
  return exitOf(context, declared, state, given.flag('wait'));
}

/** The answer has the same keys whatever it tells. */
function answer(
  { output }: CommandContext,
  said: Partial<Omit<Declared, 'keys' | 'scope' | 'progress'>> & {
    readonly kind: string;
    readonly blast: BlastRadius;
    readonly state?: IncidentView | null;
  },
  human: () => string,
): number {
  const { kind, incident, declaredAt, how, troubles, byValue, imported, blast, state } = said;
  output.answer(
    {
      kind,
      incident: incident ?? null,
      declaredAt: declaredAt ?? null,
      how: how ?? null,
      troubles: troubles ?? blast.troubles,
      byValue: byValue ?? null,
      imported: imported ?? [],
      blast,
      state: state ?? null,
    },
    human,
  );
  return 0;
}

export async function askCount(
  { environment, signal, output }: CommandContext,
  blast: BlastRadius,
): Promise<number | undefined> {
  if (environment.stdin.isTTY !== true || output.json) return undefined;
  output.note(blastText(blast, output.width));
  const typed = await askText({
    message: `this kills ${count(blast.keys.length, 'key')}: type the number to go on`,
    input: environment.stdin,
    output: environment.stderr,
    signal,
  });
  if (isCancel(typed) || !/^\d{1,9}$/.test(typed.trim()))
    throw new KeybatonError('INVALID_CONFIG', 'nothing was declared: the number was not typed');
  return Number(typed.trim());
}

/** Where it stands when this command ends: `null` when nobody waited. */
async function stateOf(
  { environment, output, signal }: CommandContext,
  ports: EmergencyPorts,
  declared: Declared,
  wait: boolean,
): Promise<IncidentView | null> {
  const { incident, progress, troubles } = declared;
  if (progress !== null)
    return viewOf({ now: ports.now(), progress, ledger: undefined, journal: undefined, troubles: [], working: false });
  if (!wait) return null;
  const live = liveIncident(environment.stdout, output, false);
  let last: IncidentView | null = null;
  try {
    for await (const view of watchIncident({
      look: () => showIncident(ports, { incident }),
      every: 500,
      signal,
      enough: killed,
    })) {
      last = view;
      live.show(view);
    }
  } finally {
    live.close();
  }
  void troubles;
  return last;
}

export function declaredText(declared: Declared, state: IncidentView | null, width: number): string {
  const { incident, byValue, keys } = declared;
  const left = state === null ? undefined : keys - state.counts.dead;
  return [
    ...(byValue === null ? [] : [byValue.text]),
    ...(state !== null && declared.how === 'direct' ? [incidentText(state, width)] : []),
    keys === 0
      ? `incident ${incident} is open, without any key of ours`
      : left === undefined
        ? `incident ${incident}: ${count(keys, 'key')} being killed`
        : left === 0
          ? `incident ${incident}: ${keys === 1 ? 'the key is' : `all ${keys} keys are`} proved dead`
          : `incident ${incident}: ${count(left, 'key')} of ${keys} NOT proved dead`,
    ...(declared.how === 'direct' && declared.imported.length === 0
      ? ['next: keybaton incident import  (once the ledger is back: it has not heard of this yet)']
      : [`next: keybaton incident watch ${incident}`]),
  ].join('\n');
}

function exitOf(context: CommandContext, declared: Declared, state: IncidentView | null, wait: boolean): number {
  const { byValue, keys } = declared;
  if (byValue !== null && keys === 0) return byValue.provider === null ? errorTable.UNSUPPORTED.exit : 0;
  if (state !== null && state.counts.dead >= keys) return 0;
  if (context.signal.aborted) return 130;
  return state === null && !wait ? 0 : errorTable.UNAVAILABLE.exit;
}

const deadText = ({ deadAlready }: Resolved): string =>
  deadAlready
    .map(({ credential, version, at }) => `${credential}: that is ${version}, proved dead since ${moment(at)} UTC`)
    .concat('nothing is to be killed, and no incident was declared')
    .join('\n');

function factText(fact: KillFact): string {
  const whose = `${fact.credential} ${fact.version}`;
  if (fact.kind === 'contained') return `  ${whose}: revoked`;
  if (fact.kind === 'dead') return `  ${whose}: proved dead (${fact.grade})`;
  return printable(`  ${whose}: ${fact.why}`);
}

async function readTargets({ adapters }: EmergencyPorts, given: Given): Promise<Targets> {
  const file = given.text('targets') ?? 'targets.yml';
  const text = await readFile(file, 'utf8').catch((thrown: unknown) => {
    throw new KeybatonError('NOT_FOUND', `the targets file ${JSON.stringify(file.slice(0, 200))} cannot be read`, {
      cause: thrown,
    });
  });
  // Only the targets matter here: the inventory is an empty one.
  const inventory = 'teams: [nobody]\ncredentials: {}\n';
  const reading = readInventory({ targets: text, inventory, adapters, others: [] });
  if (reading.kind === 'checked') return reading.inventory.targets;
  throw new KeybatonError('INVALID_CONFIG', 'the targets file has mistakes: see them with keybaton apply --dry-run');
}
