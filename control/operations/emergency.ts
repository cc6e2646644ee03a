import { setTimeout } from 'node:timers/promises';
import { codeOf, KeybatonError } from '../../domain/errors.ts';
import { defaultIncidentPace, partSize } from '../../domain/incident.ts';
import type { Declaration, FrozenVersion, IncidentPace, IncidentProgress, KillFact } from '../../domain/incident.ts';
import type { EmergencyPorts } from '../incident-ports.ts';
import { mustCount } from './emergency-blast.ts';
import { ledgerPatience } from './emergency-known.ts';
import type { Resolved } from './emergency-resolve.ts';
import { incidentIdFrom } from './incident-id.ts';
import { told, within } from './within.ts';

export interface DeclareInput {
  readonly resolved: Resolved;
  readonly who: string;
  readonly why: string;
  /** In this process, without Temporal. */
  readonly direct: boolean;
  /** Typed by whoever declares; needed where `mustCount`. */
  readonly count: number | undefined;
  readonly drill?: boolean;
  /** Drills and tests make it small. */
  readonly pace?: IncidentPace;
  /** Told of each fact of a direct kill, once it is on disk. */
  readonly onFact?: (fact: KillFact) => void;
  /** Told once, when it is known which way it goes. */
  readonly onDeclared?: (declared: Pick<Declared, 'incident' | 'how' | 'troubles'>) => void;
  readonly signal: AbortSignal;
}

export interface Declared {
  readonly incident: string;
  readonly declaredAt: number;
  readonly scope: string;
  readonly keys: number;
  /** Who kills: the workers, or this process. */
  readonly how: 'temporal' | 'direct';
  /** What was down and did not stop it. */
  readonly troubles: readonly string[];
  /** A value that nobody knows: the provider that killed it by itself, or why none did. */
  readonly byValue: { readonly provider: string | null; readonly text: string } | null;
  /** What a direct kill came to; `null` while workers are at it. */
  readonly progress: IncidentProgress | null;
  /** Journals that the ledger has taken. */
  readonly imported: readonly string[];
}

/** Temporal says so itself after 5 s; this is for one that says nothing at all. */
const temporalPatience = 6_000;
const perPart = 1_000;
const diskPatience = 3_000;
/** The ledger hears of it after so long for each part at the latest, milliseconds, whatever Temporal does. */
const recordAfter = 1_000;

/**
 * Declares: journal on disk, then Temporal, or this process where Temporal does not answer; the ledger beside. Nothing
 * of it waits for ledger, backends or notifications. INVALID_CONFIG when a count must be typed and was not.
 */
export async function declareEmergency(ports: EmergencyPorts, input: DeclareInput): Promise<Declared> {
  const { resolved, who, why } = input;
  checkCount(resolved, input.count);
  const declaredAt = ports.now();
  const versions = resolved.versions.map((one) => ({ ...one, killAt: one.killAt - resolved.at + declaredAt }));
  const parts = partsOf(versions);
  const declaration: Declaration = {
    incident: incidentIdFrom(declaredAt, ports.random(8)),
    declaredAt,
    who,
    why,
    scope: resolved.scope,
    drill: input.drill ?? false,
    parts: parts.length,
    pace: input.pace ?? defaultIncidentPace,
  };
  const { incident } = declaration;
  const troubles: string[] = [];

  await within('the disk', diskPatience, ports.direct.journal(declaration, versions)).catch((thrown: unknown) => {
    // A full or hanging disk must not keep a thief's key alive.
    troubles.push(`the declaration is not on this machine's disk: ${told(thrown)}`);
  });
  const handed = Promise.withResolvers<void>();
  const recorded = beside(handed.promise, parts.length).then(() => recordBeside(ports, declaration, versions));
  const byValue = await killByValue(ports, resolved);
  const byWorkers = input.direct ? false : await handOver(ports, declaration, parts, troubles);
  handed.resolve();
  const how = byWorkers ? 'temporal' : 'direct';
  input.onDeclared?.({ incident, how, troubles });

  let progress: IncidentProgress | null = null;
  let imported: readonly string[] = [];
  if (!byWorkers) {
    progress = await ports.direct.run({
      declaration,
      versions,
      onFact: input.onFact ?? (() => undefined),
      signal: input.signal,
    });
    imported = await within('the ledger', 2 * ledgerPatience, ports.direct.importJournals()).catch(
      (thrown: unknown) => {
        troubles.push(`not in the ledger yet (keybaton incident import brings it there): ${told(thrown)}`);
        return [];
      },
    );
  } else {
    const trouble = await within('the ledger', ledgerPatience, recorded).catch(told);
    if (trouble !== undefined)
      troubles.push(`the ledger has not heard of it yet, the workers will tell it: ${trouble}`);
  }
  return {
    incident,
    declaredAt,
    scope: resolved.scope,
    keys: versions.length,
    how,
    troubles,
    byValue,
    progress,
    imported,
  };
}

/**
 * An embedded ledger writes in this thread, thousands of keys for seconds: they are handed over first, and whoever took
 * them is heard, unless that takes long.
 */
async function beside(handed: Promise<void>, parts: number): Promise<void> {
  const enough = new AbortController();
  const late = setTimeout(recordAfter * Math.max(1, parts), undefined, { signal: enough.signal }).catch(
    () => undefined,
  );
  await Promise.race([handed, late]);
  enough.abort();
}

function checkCount(resolved: Resolved, count: number | undefined): void {
  const keys = resolved.versions.length;
  if (count !== undefined && count !== keys)
    throw new KeybatonError(
      'INVALID_CONFIG',
      `--count says ${count}, and the scope means ${keys} keys: look at them with --dry-run`,
    );
  if (mustCount(resolved) && count === undefined)
    throw new KeybatonError(
      'INVALID_CONFIG',
      `this kills ${keys} keys: look at them with --dry-run, then say --count ${keys}`,
    );
}

function partsOf(versions: readonly FrozenVersion[]): readonly (readonly FrozenVersion[])[] {
  return Array.from({ length: Math.ceil(versions.length / partSize) }, (_, part) =>
    versions.slice(part * partSize, (part + 1) * partSize),
  );
}

/** Answers whether workers are at it; why not is told in `troubles`. One half told does no harm: both kill the same keys. */
async function handOver(
  { incidents }: EmergencyPorts,
  declaration: Declaration,
  parts: readonly (readonly FrozenVersion[])[],
  troubles: string[],
): Promise<boolean> {
  const { incident } = declaration;
  try {
    await within(
      'Temporal',
      temporalPatience + parts.length * perPart,
      incidents.declare(
        declaration,
        parts.map((versions, part) => ({ incident, part, versions })),
      ),
    );
  } catch (thrown) {
    troubles.push(`killing from this process: ${told(thrown)}`);
    return false;
  }
  try {
    // Temporal keeps what nobody takes: only an answer shows that somebody is there to kill.
    await within('a worker', temporalPatience, incidents.progress(incident));
    return true;
  } catch (thrown) {
    troubles.push(`killing from this process: Temporal has it, and no worker answers (${told(thrown)})`);
    return false;
  }
}

/** Never rejects: answers why the ledger did not take it. */
async function recordBeside(
  ports: Pick<EmergencyPorts, 'ledger'>,
  { incident, declaredAt, who, why, scope, drill }: Declaration,
  versions: readonly FrozenVersion[],
): Promise<string | undefined> {
  try {
    const ledger = await ports.ledger();
    const names = versions.map(({ version }) => version);
    await ledger.declareIncident({ incident, versions: names, who, why, declaredAt, scope, drill });
    return undefined;
  } catch (thrown) {
    return told(thrown);
  }
}

/** A value that belongs to nothing known, at a provider that kills by value. */
async function killByValue(
  { known }: Pick<EmergencyPorts, 'known'>,
  { value, shapes = [] }: Resolved,
): Promise<Declared['byValue']> {
  if (value === undefined) return null;
  const like =
    shapes.length === 0 ? 'it looks like no provider we have an adapter for' : `it looks like ${shapes.join(' or ')}`;
  try {
    const { provider } = await known.revokeByValue(value);
    return { provider, text: `${provider} was given the value and has revoked it` };
  } catch (thrown) {
    const why = codeOf(thrown) === 'UNSUPPORTED' ? 'no provider we know kills a key by its value alone' : told(thrown);
    return { provider: null, text: `${like}; ${why}: find its owner, and kill it in the provider's console` };
  }
}
