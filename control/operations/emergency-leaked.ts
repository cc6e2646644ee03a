import { KeybatonError } from '../../domain/errors.ts';
import type { FrozenVersion } from '../../domain/incident.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import type { Targets } from '../../inventory/targets.ts';
import { asTargets } from '../../inventory/targets.ts';
import type { KillSheet } from '../../ledger/ledger.ts';
import type { EmergencyPorts } from '../incident-ports.ts';
import { candidateFromFacts, frozen } from './emergency-candidates.ts';
import type { Candidate } from './emergency-candidates.ts';
import { askLedger, knownToSheet, ledgerPatience } from './emergency-known.ts';
import type { Resolved } from './emergency-resolve.ts';
import { told, within } from './within.ts';

export interface LeakedInput {
  readonly value: SecretMaterial;
  readonly targetsFile: () => Promise<Targets>;
}

type Ports = Pick<EmergencyPorts, 'ledger' | 'known' | 'now'>;

const scope = 'a leaked value';

/**
 * Whose key is this value? By fingerprint in the ledger (every version ever made) or on the kill sheet (those that live);
 * where neither can be asked by shape, provider-side hints and the values stored now. No effect; the value stays in memory.
 */
export async function resolveLeaked(ports: Ports, { value, targetsFile }: LeakedInput): Promise<Resolved> {
  const troubles: string[] = [];
  const shapes = ports.known.providersByShape(value);
  const prints = await fingerprintsOf(ports, value, troubles);

  const fromLedger = prints === undefined ? undefined : await askLedger(ports, (ledger) => ofLedger(ledger, prints));
  if (fromLedger !== undefined && 'trouble' in fromLedger) troubles.push(`ledger: ${fromLedger.trouble}`);
  const inLedger = fromLedger !== undefined && 'answer' in fromLedger ? fromLedger.answer : undefined;
  if (inLedger !== undefined && inLedger.length > 0) return found(ports, 'ledger', inLedger, troubles);

  const { sheet, trouble } = await ports.known.killSheet();
  if (sheet === undefined) troubles.push(`kill sheet: ${trouble ?? 'there is none on this machine'}`);
  const onSheet = sheet === undefined || prints === undefined ? [] : ofSheet(sheet, prints);
  if (onSheet.length > 0) return found(ports, 'kill sheet', onSheet, troubles);

  // A source that could compare fingerprints knows that it is none of ours; a masked end that fits would be another's key.
  const compared = prints !== undefined && (inLedger !== undefined || sheet !== undefined);
  const guessed = compared ? undefined : await guess(ports, { value, targetsFile }, sheet, troubles);
  if (guessed !== undefined) return { ...guessed, shapes };
  if (inLedger === undefined && sheet !== undefined)
    troubles.push('the kill sheet knows only keys that may live: the value may belong to one that is dead');
  return {
    at: ports.now(),
    scope,
    source: 'nothing known',
    troubles,
    versions: [],
    candidates: [],
    others: [],
    deadAlready: [],
    value,
    shapes,
  };
}

async function fingerprintsOf(
  { known }: Ports,
  value: SecretMaterial,
  troubles: string[],
): Promise<ReadonlySet<string> | undefined> {
  try {
    return new Set((await known.fingerprints(value)).map(({ fingerprint }) => fingerprint));
  } catch (thrown) {
    troubles.push(`fingerprints: ${told(thrown)}`);
    return undefined;
  }
}

interface Match {
  readonly candidate: Candidate;
  /** What belongs to the value: `versions` that may live, `dead` ones. */
  readonly matches: (version: string) => boolean;
  readonly all: readonly Candidate[];
}

async function ofLedger(
  ledger: Awaited<ReturnType<EmergencyPorts['ledger']>>,
  prints: ReadonlySet<string>,
): Promise<readonly Match[]> {
  const matches: Match[] = [];
  for (const print of prints) {
    const owner = await within('the ledger', ledgerPatience, ledger.findFingerprint(print));
    if (owner === undefined) continue;
    const facts = await within('the ledger', ledgerPatience, ledger.facts(owner.credential));
    matches.push({
      candidate: candidateFromFacts(facts),
      matches: (version) => version === owner.version,
      // Nobody waits here for the other credentials: only what depends on this one itself is told.
      all: [],
    });
  }
  return matches;
}

function ofSheet(sheet: KillSheet, prints: ReadonlySet<string>): readonly Match[] {
  const { candidates } = knownToSheet(sheet);
  return candidates.flatMap((candidate) => {
    const mine = candidate.versions.filter(({ fingerprint }) => fingerprint !== undefined && prints.has(fingerprint));
    if (mine.length === 0) return [];
    return [{ candidate, matches: (version) => mine.some((one) => one.version === version), all: candidates }];
  });
}

function found(
  ports: Ports,
  source: 'ledger' | 'kill sheet',
  matches: readonly Match[],
  troubles: readonly string[],
): Resolved {
  const at = ports.now();
  const candidates = matches.map(({ candidate }) => candidate);
  return {
    at,
    scope: `${scope} of ${candidates.map(({ credential }) => credential).join(', ')}`,
    source,
    troubles,
    versions: matches.flatMap(({ candidate, matches: fits }) =>
      candidate.versions.filter(({ version }) => fits(version)).map((version) => frozen(candidate, version, at, fits)),
    ),
    candidates,
    others: (matches[0]?.all ?? []).filter(
      (one) => !candidates.some(({ credential }) => credential === one.credential),
    ),
    deadAlready: matches.flatMap(({ candidate, matches: fits }) =>
      candidate.dead
        .filter(({ version }) => fits(version))
        .map((one) => ({ credential: candidate.credential, ...one })),
    ),
  };
}

/** Without fingerprints: what providers show of their keys, then what the stores hold now. */
async function guess(
  ports: Ports,
  { value, targetsFile }: LeakedInput,
  sheet: KillSheet | undefined,
  troubles: string[],
): Promise<Resolved | undefined> {
  const of = (source: Resolved['source'], versions: readonly FrozenVersion[]): Resolved => {
    const all = sheet === undefined ? [] : knownToSheet(sheet).candidates;
    const mine = (one: Candidate): boolean => versions.some(({ credential }) => credential === one.credential);
    return {
      at: ports.now(),
      scope: `${scope} of ${[...new Set(versions.map(({ credential }) => credential))].join(', ')}`,
      source,
      troubles,
      versions,
      candidates: all.filter(mine),
      others: all.filter((one) => !mine(one)),
      deadAlready: [],
    };
  };
  const targets = sheet === undefined ? await quietly(targetsFile, 'targets file', troubles) : asTargets(sheet.targets);
  if (targets !== undefined) {
    const hinted = await quietly(() => ports.known.byHint(value, targets), 'provider hints', troubles);
    troubles.push(...(hinted?.troubles ?? []));
    if (hinted !== undefined && hinted.versions.length > 0) return of('provider hints', hinted.versions);
  }
  if (sheet === undefined) return undefined;
  const stored = await quietly(() => ports.known.byStoredValue(value, sheet), 'stored values', troubles);
  troubles.push(...(stored?.troubles ?? []));
  return stored === undefined || stored.versions.length === 0 ? undefined : of('stored values', stored.versions);
}

/** One way to find it failed; it is told, and the next is tried. */
async function quietly<Answer>(
  ask: () => Promise<Answer>,
  what: string,
  troubles: string[],
): Promise<Answer | undefined> {
  try {
    return await ask();
  } catch (thrown) {
    troubles.push(`${what}: ${told(thrown)}`);
    return undefined;
  }
}

/** INVALID_CONFIG: a value names its key by itself, and a scope beside it would be ignored in silence. */
export function refuseScopeBeside(hasScope: boolean): void {
  if (hasScope)
    throw new KeybatonError(
      'INVALID_CONFIG',
      '--leaked names its key by itself: leave out credentials and scopes, or leave out --leaked. a secret is never given as an argument',
    );
}
