import type { SecretMaterial } from '../domain/secret-material.ts';

/** Holds a declared provider to the provider contract against a real address. Implemented by `worker`. */
export interface ProviderTesting {
  /** Is this the name of a provider that ships? */
  ships(name: string): Promise<boolean>;
  /** Reads the declaration. INVALID_CONFIG names every place that is wrong. */
  read(file: string): Promise<{ readonly name: string }>;
  /** Runs the kit. What it makes it kills again; the place must be empty before: CONFLICT otherwise. */
  run(request: ProviderTestRequest): Promise<readonly ProviderTestOutcome[]>;
}

export interface ProviderTestRequest {
  readonly file: string;
  /** Stands for every host of the declaration. */
  readonly against: string;
  /** A YAML file with what targets.yml would say under `settings`, without `hosts`. */
  readonly settings: string | undefined;
  readonly admin: SecretMaterial;
  readonly signal: AbortSignal;
  readonly ended: (outcome: ProviderTestOutcome) => void;
}

export interface ProviderTestOutcome {
  readonly name: string;
  readonly passed: boolean;
  /** What failed; no secret. */
  readonly why: string | null;
}
