import type { Entry, EntryConsumer } from '../../../domain/entry.ts';
import type { CredentialFacts, EpochFacts, VersionFacts } from '../../../domain/facts.ts';
import type { CredentialId } from '../../../domain/identifiers.ts';
import type { KeyAdvice } from '../../../domain/key-advice.ts';
import type { TargetTraits } from '../../../inventory/adapters.ts';
import type { Target } from '../../../inventory/targets.ts';
import type { Observed } from './advice.ts';

/** What the rules look at: the inventory as applied, what the ledger knows, and what adapters say of their settings. */
export interface AdviceWorld {
  readonly now: number;
  /** Every credential that is not released; rules about entries look at those that are managed. */
  readonly credentials: readonly KnownCredential[];
  readonly targets: readonly KnownTarget[];
}

export interface KnownTarget {
  readonly name: string;
  readonly target: Target;
  /** Undefined: its adapter is not here, or does not take its settings. */
  readonly traits: TargetTraits | undefined;
  readonly advice: KeyAdvice;
  /** Managed credentials that name it. */
  readonly credentials: readonly CredentialId[];
}

export interface KnownCredential {
  readonly facts: CredentialFacts;
  readonly target: KnownTarget | undefined;
  /** By consumer: the epochs in which it owed proof and gave none, newest first. Empty once it has ever proved. */
  readonly unproved: ReadonlyMap<string, readonly number[]>;
}

/** One rule: looks at everything, answers what it found. Pure. */
export type AdviceRule = (world: AdviceWorld) => readonly Observed[];

export const managedOf = ({ credentials }: AdviceWorld): readonly KnownCredential[] =>
  credentials.filter(({ facts }) => facts.status === 'managed');

export const consumersOf = ({ consumers }: Entry): readonly EntryConsumer[] => ('none' in consumers ? [] : consumers);

/** The newest epoch with its version, where that is still the one consumers should use. */
export function currentOf({
  epochs,
  versions,
}: CredentialFacts): { readonly epoch: EpochFacts; readonly version: VersionFacts } | undefined {
  const epoch = epochs[0];
  const version = versions.find(({ id, fate }) => id === epoch?.version && fate === 'current');
  return epoch === undefined || version === undefined ? undefined : { epoch, version };
}

/** As many rotations as show that it is no accident. */
export const several = 2;

/** A date in UTC: unlike an age it stays the same between two answers. */
export const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

/** `one`, `one and other`, `one, other and third`. */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
