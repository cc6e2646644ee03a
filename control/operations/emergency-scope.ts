import { KeybatonError } from '../../domain/errors.ts';
import { credentialParts } from '../../domain/identifiers.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import type { Targets } from '../../inventory/targets.ts';
import type { Candidate } from './emergency-candidates.ts';

/** What an emergency is declared over. Several credentials are a union; options narrow, each further. */
export interface EmergencyScope {
  readonly credentials: readonly CredentialId[];
  readonly provider?: string;
  readonly team?: string;
  readonly environment?: string;
  readonly group?: string;
  readonly backend?: string;
  /** A consumer: everything it reads may have leaked. */
  readonly leakSource?: string;
}

export const scopeOptions = ['provider', 'team', 'environment', 'group', 'backend', 'leakSource'] as const;
export type ScopeOption = (typeof scopeOptions)[number];

const words: Readonly<Record<ScopeOption, string>> = {
  provider: 'provider',
  team: 'team',
  environment: 'environment',
  group: 'group',
  backend: 'backend',
  leakSource: 'leak source',
};

/** Spares and versions in the making are part of it: whoever had the whole of these may have had them. */
export function isWide(scope: EmergencyScope): boolean {
  return [scope.provider, scope.environment, scope.backend, scope.leakSource].some((one) => one !== undefined);
}

/** For people, and for ever in the record: `credential openai/prod/bot`, `provider openai, environment prod`. */
export function scopeText({ credentials, ...scope }: EmergencyScope): string {
  const [first, ...more] = credentials;
  const named =
    first === undefined
      ? []
      : [more.length === 0 ? `credential ${first}` : `${credentials.length} credentials: ${credentials.join(', ')}`];
  const options = scopeOptions.flatMap((option) =>
    scope[option] === undefined ? [] : [`${words[option]} ${scope[option]}`],
  );
  return [...named, ...options].join(', ');
}

/** What one credential says to an option; undefined: its source cannot tell. */
function valuesOf(option: ScopeOption, one: Candidate, targets: Targets): readonly string[] | undefined {
  const { provider, environment } = credentialParts(one.credential);
  const at = [one.target, ...one.versions.map(({ target }) => target)].flatMap((name) => {
    const target = Object.hasOwn(targets.targets, name) ? targets.targets[name] : undefined;
    return target === undefined ? [] : [target];
  });
  switch (option) {
    case 'provider':
      return [provider, ...at.map((target) => target.provider)];
    case 'environment':
      return [environment, ...at.map((target) => target.environment)];
    case 'team':
      return [one.team];
    case 'group':
      return one.groups;
    case 'backend':
      return one.places.map(({ backend }) => backend);
    case 'leakSource':
      return one.consumers;
  }
}

/**
 * The credentials that the scope means. NOT_FOUND, saying what there is, when one that is named or an option means
 * nothing; INVALID_CONFIG when an option leaves out a credential that is named: it would live on unnoticed.
 */
export function inScope(all: readonly Candidate[], targets: Targets, scope: EmergencyScope): readonly Candidate[] {
  const unknown = scope.credentials.find((id) => !all.some(({ credential }) => credential === id));
  if (unknown !== undefined) throw noSuchCredential(unknown, all);
  let left = all.filter(({ credential }) => scope.credentials.length === 0 || scope.credentials.includes(credential));
  for (const option of scopeOptions) {
    const wanted = scope[option];
    if (wanted === undefined) continue;
    const matches = (one: Candidate): boolean => valuesOf(option, one, targets)?.includes(wanted) === true;
    if (!all.some(matches)) throw noSuch(option, all, targets);
    const out = left.find((one) => !matches(one));
    if (scope.credentials.length > 0 && out !== undefined)
      throw new KeybatonError(
        'INVALID_CONFIG',
        `${out.credential} is named, but not of this ${words[option]}: leave out one of the two`,
      );
    left = left.filter(matches);
  }
  if (left.length === 0)
    throw new KeybatonError(
      'NOT_FOUND',
      'each option means something, but no credential is meant by all of them: leave one out',
    );
  return left;
}

function noSuch(option: ScopeOption, all: readonly Candidate[], targets: Targets): KeybatonError {
  const answers = all.map((one) => valuesOf(option, one, targets));
  if (answers.length > 0 && answers.every((one) => one === undefined))
    return new KeybatonError(
      'UNSUPPORTED',
      `without the ledger nobody knows the ${words[option]} of a credential: name credentials, or use --provider, --team, --env, --group or --backend`,
    );
  const there = [...new Set(answers.flatMap((one) => one ?? []))].toSorted();
  return new KeybatonError(
    'NOT_FOUND',
    `no credential has this ${words[option]}: ${there.length === 0 ? 'none has any' : `there is ${shortened(there)}`}`,
  );
}

function noSuchCredential(id: CredentialId, all: readonly Candidate[]): KeybatonError {
  const parts = id.split('/');
  const alike = (other: CredentialId): number => other.split('/').filter((part, index) => part === parts[index]).length;
  const near = all
    .map(({ credential }) => credential)
    .toSorted((one, other) => alike(other) - alike(one) || one.localeCompare(other));
  return new KeybatonError(
    'NOT_FOUND',
    near.length === 0
      ? `there is no credential ${id}: none is known`
      : `there is no credential ${id}: there is ${shortened(near)}`,
  );
}

const most = 8;
const shortened = (names: readonly string[]): string =>
  names.length <= most ? names.join(', ') : `${names.slice(0, most).join(', ')} and ${names.length - most} more`;
