import { codeOf, KeybatonError } from '../../domain/errors.ts';
import { credentialParts } from '../../domain/identifiers.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import type { FrozenVersion } from '../../domain/incident.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import type { Targets } from '../../inventory/targets.ts';
import type { KillSheet } from '../../ledger/ledger.ts';
import type { EmergencyPorts } from '../incident-ports.ts';
import { freeze } from './emergency-candidates.ts';
import type { Candidate } from './emergency-candidates.ts';
import { askLedger, knownToLedger, knownToSheet } from './emergency-known.ts';
import type { Known } from './emergency-known.ts';
import { inScope, isWide, scopeOptions, scopeText } from './emergency-scope.ts';
import type { EmergencyScope } from './emergency-scope.ts';
import { told } from './within.ts';

export interface ResolveInput {
  readonly scope: EmergencyScope;
  /** Reads targets.yml, for when neither ledger nor kill sheet is there. */
  readonly targetsFile: () => Promise<Targets>;
}

/** What would be killed, and how we know. No effect. */
export interface Resolved {
  /** Epoch milliseconds; `killAt` of the versions is counted from here and moves with the declaration. */
  readonly at: number;
  readonly scope: string;
  readonly source: 'ledger' | 'kill sheet' | 'provider lists' | 'provider hints' | 'stored values' | 'nothing known';
  /** Why a better source was not used, and what could not be asked. */
  readonly troubles: readonly string[];
  readonly versions: readonly FrozenVersion[];
  /** What the source knows of their credentials; empty where it knows nothing but the keys. */
  readonly candidates: readonly Candidate[];
  /** Every other credential it knows, for dependents of dependents. */
  readonly others: readonly Candidate[];
  /** Named, and proved dead already. */
  readonly deadAlready: readonly {
    readonly credential: CredentialId;
    readonly version: VersionId;
    readonly at: number;
  }[];
  /** Declared by a value: kept in memory only, for `revokeByValue` where nobody knows it. */
  readonly value?: SecretMaterial;
  /** Providers whose keys look like the value. */
  readonly shapes?: readonly string[];
}

/**
 * The frozen set of a scope: from the ledger, else the kill sheet, else what providers list under our tag. NOT_FOUND says
 * what there is; it is the better source's word.
 */
export async function resolveEmergency(
  ports: Pick<EmergencyPorts, 'ledger' | 'known' | 'now'>,
  input: ResolveInput,
): Promise<Resolved> {
  const { scope } = input;
  if (scope.credentials.length === 0 && scopeOptions.every((option) => scope[option] === undefined))
    throw new KeybatonError(
      'INVALID_CONFIG',
      'say what leaked: a credential, --provider, --team, --env, --group, --backend, --leak-source, or --leaked for a value',
    );
  const asked = await askLedger(ports, (ledger) => knownToLedger(ledger, scope));
  const { sheet, trouble } = await ports.known.killSheet();
  if ('answer' in asked) {
    try {
      return resolved(ports.now(), scope, asked.answer, []);
    } catch (thrown) {
      // A ledger that was lost and made anew knows less than the sheet of the old one.
      const older =
        codeOf(thrown) === 'NOT_FOUND' && sheet !== undefined ? fromSheet(ports.now(), scope, sheet) : undefined;
      if (older === undefined) throw thrown;
      return { ...older, troubles: [`ledger: ${told(thrown)}`] };
    }
  }
  const troubles = [`ledger: ${asked.trouble}`];
  if (sheet !== undefined) return resolved(ports.now(), scope, knownToSheet(sheet), troubles);
  return fromLists(ports, input, [...troubles, `kill sheet: ${trouble ?? 'there is none on this machine'}`]);
}

function fromSheet(at: number, scope: EmergencyScope, sheet: KillSheet): Resolved | undefined {
  try {
    return resolved(at, scope, knownToSheet(sheet), []);
  } catch {
    // It knows no better: the ledger's own complaint is told instead.
    return undefined;
  }
}

function resolved(at: number, scope: EmergencyScope, known: Known, troubles: readonly string[]): Resolved {
  const renamed = { ...scope, credentials: scope.credentials.map((id) => known.renamed.get(id) ?? id) };
  const candidates = inScope(known.candidates, known.targets, renamed);
  const versions = candidates.flatMap((one) => freeze(one, at, isWide(scope)));
  const deadAlready = candidates.flatMap(({ credential, dead }) => dead.map((one) => ({ credential, ...one })));
  if (versions.length === 0) throw nothingLives(candidates, deadAlready.length);
  return {
    at,
    scope: scopeText(renamed),
    source: known.source,
    troubles,
    versions,
    candidates,
    others: known.candidates.filter((one) => !candidates.includes(one)),
    deadAlready,
  };
}

function nothingLives(candidates: readonly Candidate[], dead: number): KeybatonError {
  const [first] = candidates;
  const whose = candidates.length === 1 && first !== undefined ? first.credential : `${candidates.length} credentials`;
  return new KeybatonError(
    'NOT_FOUND',
    dead === 0
      ? `${whose}: no version was ever made, so there is nothing to kill`
      : `${whose}: nothing to kill, all ${dead} versions that consumers had are proved dead`,
  );
}

async function fromLists(
  { known, now }: Pick<EmergencyPorts, 'known' | 'now'>,
  { scope, targetsFile }: ResolveInput,
  before: readonly string[],
): Promise<Resolved> {
  const untold = (['team', 'group', 'backend', 'leakSource'] as const).some((option) => scope[option] !== undefined);
  if (untold)
    throw new KeybatonError(
      'UNAVAILABLE',
      `without ledger and kill sheet only credentials, --provider and --env can be told apart (${before.join('; ')})`,
    );
  const targets = await readTargets(targetsFile, before);
  const chosen = {
    ...targets,
    targets: Object.fromEntries(
      Object.entries(targets.targets).filter(
        ([, { provider, environment }]) =>
          (scope.environment === undefined || environment === scope.environment) &&
          (scope.provider === undefined || provider === scope.provider) &&
          (scope.credentials.length === 0 ||
            scope.credentials.some((id) => credentialParts(id).environment === environment)),
      ),
    ),
  };
  if (Object.keys(chosen.targets).length === 0)
    throw new KeybatonError(
      'NOT_FOUND',
      `no target of the targets file is meant: there is ${Object.keys(targets.targets).toSorted().join(', ')}`,
    );
  const { versions, troubles } = await known.listed(chosen, undefined);
  const meant = versions.filter(
    ({ credential }) => scope.credentials.length === 0 || scope.credentials.includes(credential),
  );
  if (meant.length === 0) throw noneListed(versions.length, [...before, ...troubles]);
  return {
    at: now(),
    scope: scopeText(scope),
    source: 'provider lists',
    troubles: [...before, ...troubles],
    versions: meant,
    candidates: [],
    others: [],
    deadAlready: [],
  };
}

async function readTargets(file: () => Promise<Targets>, before: readonly string[]): Promise<Targets> {
  try {
    return await file();
  } catch (thrown) {
    throw new KeybatonError(
      codeOf(thrown),
      `nothing is left to find the keys with: ${[...before, `targets file: ${told(thrown)}`].join('; ')}. name it with --targets`,
      { cause: thrown },
    );
  }
}

function noneListed(others: number, troubles: readonly string[]): KeybatonError {
  const why = troubles.length === 0 ? '' : ` (${troubles.join('; ')})`;
  return others === 0
    ? new KeybatonError('NOT_FOUND', `no provider lists a live key with our tag${why}`)
    : new KeybatonError(
        'NOT_FOUND',
        `providers list ${others} live keys with our tag, none of them named so: use --provider or --env${why}`,
      );
}
