import type { InMemoryWorld } from '../../backends/in-memory/world.ts';
import type { Entry } from '../../domain/entry.ts';
import type { CredentialFacts, VersionFacts } from '../../domain/facts.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import type { RotationInput, RotationResult } from '../../domain/rotation.ts';
import type { InMemorySettings, Powers } from '../../providers/in-memory/settings.ts';
import type { World } from '../../providers/in-memory/world.ts';
import type { Held } from './holding.ts';

export interface PlayOptions {
  readonly powers?: Partial<Powers>;
  readonly settings?: Partial<InMemorySettings>;
  readonly entry?: Partial<Entry>;
  readonly backends?: readonly string[];
}

export interface Play {
  readonly id: CredentialId;
  readonly entry: Entry;
  readonly provider: World;
  readonly backends: Readonly<Record<string, InMemoryWorld>>;
  readonly path: string;
  facts(): Promise<CredentialFacts>;
  /** The version the newest epoch names. */
  current(): Promise<VersionFacts>;
  rotate(input?: Partial<RotationInput>): Promise<void>;
  /** Waits for the run to end. */
  result(): Promise<RotationResult>;
  /** Registers an instance and proves the newest epoch. */
  prove(consumer: string, instance?: string): Promise<void>;
  beat(consumer: string, instance?: string): Promise<void>;
  wake(): Promise<void>;
  /** Applies a changed entry. */
  change(entry: Partial<Entry>): Promise<void>;
  /** Waits until the run says it waits (or is) in this step. */
  reaches(step: string): Promise<void>;
  /** Ids of versions that live at the provider: judged there. */
  liveVersions(): readonly string[];
  consumers(): readonly string[];
  /** Waits until the run has asked once more, after a wake. */
  asksAgain(): Promise<void>;
  /** The value of a version, as a consumer holds it. */
  valueOf(version: VersionId): Promise<string>;
  usesOf(version: VersionId): number;
  /** Puts another value where a version's staged copy lies. */
  swapStaged(version: VersionId): void;
  /** Starts the workflow without asking for a new version. */
  rotateQuietly(): Promise<void>;
  /** Stops the next call of this operation (of the provider, or `promote` of a backend) until it is let go. */
  hold(operation: string): Held;
  /** Marks versions compromised and tells the rotation. */
  leak(versions: readonly VersionId[], incident?: string): Promise<void>;
  /** What a backend's readers get now. */
  shown(backend?: string): string | undefined;
}
