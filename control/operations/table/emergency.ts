import { z } from 'zod';
import type { CredentialId } from '../../../domain/identifiers.ts';
import { codeOf, KeybatonError } from '../../../domain/errors.ts';
import { countTyped } from '../../../domain/incident.ts';
import type { SecretMaterial } from '../../../domain/secret-material.ts';
import { asTargets } from '../../../inventory/targets.ts';
import type { Targets } from '../../../inventory/targets.ts';
import { blastRadius } from '../emergency-blast.ts';
import type { BlastRadius } from '../emergency-blast.ts';
import { resolveLeaked } from '../emergency-leaked.ts';
import { resolveEmergency } from '../emergency-resolve.ts';
import type { Resolved } from '../emergency-resolve.ts';
import type { EmergencyScope } from '../emergency-scope.ts';
import { declareEmergency } from '../emergency.ts';
import type { EmergencyPorts } from '../../incident-ports.ts';
import { operation } from '../operation.ts';
import { seesAll, visibleTo } from '../others-untold.ts';
import { shellWord } from '../shell-word.ts';
import { told } from '../within.ts';
import type { Caller, OperationPorts, Reach } from '../operation.ts';
import { blastShape, byValueShape, incidentViewShape, scopeFields } from './incident-shapes.ts';
import { leakedValue } from './secret-shapes.ts';
import { scopeOf, scopesAnyhow } from './scopes.ts';
import type { ScopeOf } from './scopes.ts';
import { count, instant, texts, why } from './shapes.ts';

const scopeInput = z.strictObject(scopeFields);
type Scope = z.output<typeof scopeInput>;

function scopeFrom({ credentials, ...options }: Scope): EmergencyScope {
  const said = Object.entries(options).filter(([, text]) => text !== undefined);
  return { credentials: [...new Set<CredentialId>(credentials)], ...Object.fromEntries(said) };
}

async function resolved(ports: EmergencyPorts, scope: Scope): Promise<Resolved> {
  return resolveEmergency(ports, {
    scope: scopeFrom(scope),
    // A targets file is of the machine at which somebody types; here the kill sheet has the targets as they were applied.
    targetsFile: () => sheetTargets(ports),
  });
}

async function sheetTargets({ known }: EmergencyPorts): Promise<Targets> {
  const { sheet, trouble } = await known.killSheet();
  if (sheet !== undefined) return asTargets(sheet.targets);
  throw new KeybatonError('UNAVAILABLE', trouble ?? 'there is no kill sheet on this machine');
}

/** Whose keys it kills: those of every credential it would freeze. Needs no ledger. */
async function reach({ incidentPorts }: OperationPorts, input: Scope): Promise<Reach> {
  const ports = await incidentPorts();
  const meant = await resolved(ports, input).catch((thrown: unknown) => {
    // Says how a credential that is named differs from the scope: told by `run`, to whoever may see that credential.
    if (codeOf(thrown) !== 'INVALID_CONFIG' || input.credentials.length === 0) throw thrown;
    return undefined;
  });
  const scope = await scopesAnyhow(ports);
  const named = [...new Set(meant?.versions.map(({ credential }) => credential) ?? input.credentials)];
  return entriesOf(named, scope);
}

async function entriesOf(named: readonly CredentialId[], scope: ScopeOf): Promise<Reach> {
  const entries = named.map(async (credential) => ({ ...(await scope(credential)), credential }));
  return { kind: 'entries', entries: await Promise.all(entries) };
}

export const emergencyDryRunOperation = operation({
  name: 'emergency-dry-run',
  summary: 'What an emergency over this scope would kill, when, and who would feel it; no effect',
  effect: 'read',
  input: scopeInput,
  answer: z.object({ blast: blastShape }),
  reach,
  async run({ incidentPorts }, input, caller) {
    const ports = await incidentPorts();
    return { blast: await blastFor(ports, await resolved(ports, input), caller) };
  },
});

const typedCount = count
  .min(0)
  .optional()
  .meta({ description: 'how many keys this kills; must be said for more than 25' });

export const declaredShape = z.object({
  kind: z.enum(['declared', 'dead already']),
  incident: z.string().nullable(),
  declaredAt: instant.nullable(),
  how: z.enum(['temporal', 'direct']).nullable(),
  troubles: texts,
  byValue: byValueShape,
  imported: texts,
  blast: blastShape,
  state: incidentViewShape.nullable(),
});

export const emergencyOperation = operation({
  name: 'emergency',
  summary: 'Kill leaked keys now, and replace them beside it; answers as soon as somebody is at it',
  effect: 'start',
  input: z.strictObject({
    ...scopeFields,
    why,
    count: typedCount,
  }),
  answer: declaredShape,
  reach: (ports, { why: _why, count: _count, ...scope }) => reach(ports, scope),
  async run({ incidentPorts }, { why: reason, count: typed, ...scope }, caller) {
    const ports = await incidentPorts();
    const meant = await resolved(ports, scope);
    return declare(ports, meant, { caller, reason, typed, instead: scopeWords(scope) });
  },
});

/** Of credentials that the caller may not see only how many there are. */
async function blastFor(ports: EmergencyPorts, meant: Resolved, caller: Caller): Promise<BlastRadius> {
  const sees = visibleTo(caller);
  if (seesAll(sees)) return blastRadius(ports, meant);
  const all = [...meant.candidates, ...meant.others];
  const seen = new Map(
    all.map(({ credential: id, team, groups }) => [id, sees(scopeOf({ id, team, groups }))] as const),
  );
  const unknown = all.flatMap(({ dependents }) => dependents ?? []).filter((id) => !seen.has(id));
  if (unknown.length > 0) {
    const scope = await scopesAnyhow(ports);
    for (const id of new Set(unknown)) seen.set(id, sees(await scope(id)));
  }
  return blastRadius(ports, meant, (id) => seen.get(id) === true);
}

interface Said {
  readonly caller: Caller;
  readonly reason: string;
  readonly typed: number | undefined;
  /** The scope as words of a command line. */
  readonly instead: readonly string[];
}

async function declare(
  ports: EmergencyPorts,
  meant: Resolved,
  { caller, reason, typed, instead }: Said,
): Promise<z.input<typeof declaredShape>> {
  const blast = await blastFor(ports, meant, caller);
  const none = { incident: null, declaredAt: null, how: null, byValue: null, imported: [], state: null };
  if (meant.versions.length === 0) return { ...none, kind: 'dead already', troubles: blast.troubles, blast };
  let troubles: readonly string[] = [];
  const asked = declareEmergency(ports, {
    resolved: meant,
    who: caller.actor,
    why: reason,
    direct: false,
    count: typed,
    onDeclared: (begun) => (troubles = begun.troubles),
    signal: new AbortController().signal,
  });
  const { incident, declaredAt, how, byValue, imported } = await asked.catch((thrown: unknown) => {
    if (codeOf(thrown) !== 'UNAVAILABLE') throw thrown;
    const keys = meant.versions.length;
    const words = [...instead, ...(keys > countTyped ? ['--count', String(keys)] : []), '--direct', '--reason', reason];
    const text = `${[...troubles, told(thrown)].join('; ')}. nobody kills yet`;
    const command = ['keybaton', 'emergency', ...words].map(shellWord).join(' ');
    throw new KeybatonError('UNAVAILABLE', `${text}: on the host of a worker type: ${command}`, { cause: thrown });
  });
  return { kind: 'declared', incident, declaredAt, how, troubles, byValue, imported, blast, state: null };
}

/** Whose key is it? By its fingerprint, in the ledger or on the kill sheet. */
async function owner(ports: EmergencyPorts, value: SecretMaterial): Promise<Resolved> {
  return resolveLeaked(ports, { value, targetsFile: () => sheetTargets(ports) });
}

async function reachOfOwner({ incidentPorts }: OperationPorts, { value }: { value: SecretMaterial }): Promise<Reach> {
  const ports = await incidentPorts();
  const { versions, deadAlready } = await owner(ports, value);
  const named = [...new Set([...versions, ...deadAlready].map(({ credential }) => credential))];
  if (named.length === 0) return { kind: 'what the caller sees' };
  const scope = await scopesAnyhow(ports);
  return entriesOf(named, scope);
}

export const whoseOperation = operation({
  name: 'whose',
  summary: 'Whose key is this value? Compared by its fingerprint alone, and kept nowhere; no effect',
  effect: 'read',
  input: z.strictObject({ value: leakedValue }),
  secret: ['value'],
  answer: z.object({ blast: blastShape }),
  reach: reachOfOwner,
  async run({ incidentPorts }, { value }, caller) {
    const ports = await incidentPorts();
    return { blast: await blastFor(ports, await owner(ports, value), caller) };
  },
});

export const emergencyLeakedOperation = operation({
  name: 'emergency-leaked',
  summary: 'Kill exactly the key whose value this is, and replace it beside it',
  effect: 'start',
  input: z.strictObject({ value: leakedValue, why, count: typedCount }),
  secret: ['value'],
  answer: declaredShape,
  reach: reachOfOwner,
  async run({ incidentPorts }, { value, why: reason, count: typed }, caller) {
    const ports = await incidentPorts();
    const meant = await owner(ports, value);
    if (meant.versions.length === 0 && meant.deadAlready.length === 0)
      throw new KeybatonError(
        'UNSUPPORTED',
        `nobody known here has this value${meant.shapes?.length ? ` (it looks like ${meant.shapes.join(' or ')})` : ''}: on the host of a worker, which can ask providers, type: keybaton emergency --leaked --reason ${shellWord(reason)}`,
      );
    return declare(ports, meant, { caller, reason, typed, instead: ['--leaked'] });
  },
});

const flags = {
  provider: 'provider',
  team: 'team',
  environment: 'env',
  group: 'group',
  backend: 'backend',
  leakSource: 'leak-source',
} as const;

function scopeWords({ credentials, ...options }: Scope): readonly string[] {
  const narrowed = Object.entries(flags).flatMap(([key, flag]) => {
    // The keys of `flags` are those of the scope.
    const text = options[key as keyof typeof flags];
    return text === undefined ? [] : [`--${flag}`, text];
  });
  return [...credentials, ...narrowed];
}
