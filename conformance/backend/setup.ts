import type { Backend, Place } from '../../backends/backend.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';

/** One backend over a world of its own, empty at first, with the ways around the adapter that the kit looks through. */
export interface BackendSubject {
  readonly backend: Backend;
  /** Where the kit works; the kit sets `fields` itself and also uses paths beside and below this one. */
  readonly place: Place;
  /** Every field a consumer gets at this path with its own client, marks included; undefined when nothing is there. */
  consumerReads(path: string): Promise<Readonly<Record<string, unknown>> | undefined>;
  /** Does anything within reach of a consumer of this path (also by a wildcard on it) hold this text? */
  consumerFinds(path: string, text: string): Promise<boolean>;
  /** Somebody sets these fields at the main place in one atomic write, without keybaton; all other fields stay. */
  writeByHand(path: string, fields: Readonly<Record<string, string>>): Promise<void>;
  /** How many copies of this version the store still holds, of any generation, staged or not. */
  copies(path: string, version: VersionId, value: string): Promise<number>;
  /** A backend on the same world whose next write takes effect but whose answer is lost; `lost` tells that it was. */
  losingNextAnswer(): Promise<{ readonly backend: Backend; readonly lost: () => boolean }>;
  /** The same backend where nothing answers. */
  unreachable(): Promise<Backend>;
  /** The same backend with an admin credential that is refused. */
  denied(): Promise<Backend>;
  close(): Promise<void>;
}

export interface BackendSuiteSetup {
  /** Called once per test. */
  create(): Promise<BackendSubject>;
  /** `(material) => material.reveal()`: the kit itself holds no right to look inside. */
  open(material: SecretMaterial): Readonly<Record<string, string>>;
  readonly skips?: readonly Skip[];
}

/** Tests that cannot hold for an adapter, by name, and why. A name that is no test of the kit is refused. */
export interface Skip {
  readonly reason: string;
  readonly tests: readonly string[];
}

export interface ConformanceTest {
  readonly name: string;
  readonly run: () => Promise<void>;
  /** The reason, where the adapter skips this test. */
  readonly skipped?: string;
}
