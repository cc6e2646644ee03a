import type { ZodType } from 'zod';
import type { KeyAdvice } from '../domain/key-advice.ts';

/** What the registries know, handed in by whoever composes the process: the inventory imports no adapter. */
export interface Adapters {
  /** By provider name: what a target's `settings` must be. */
  readonly targetSchemas: Readonly<Record<string, ZodType>>;
  /** By kind: what a backend's `settings` must be. */
  readonly backendSchemas: Readonly<Record<string, ZodType>>;
  /** What a target with these (checked) settings can do. Undefined: not known, and rules that need it are not asked. */
  traits?(provider: string, settings: unknown): TargetTraits | undefined;
  /** What the adapter of a target with these settings would tell people. Undefined: nothing is known. */
  advice?(provider: string, settings: unknown): KeyAdvice | undefined;
  /** Do these templates fit material with these fields? Throws INVALID_CONFIG. */
  checkFields?(fields: Readonly<Record<string, string>> | undefined, materialFields: readonly string[]): void;
}

/** The part of a provider's traits and shape that decides what an entry may ask for. */
export interface TargetTraits {
  readonly topology: 'n-keys' | 'dual-slot' | 'single-slot' | 'operator-supplied' | 'dynamic';
  readonly maxLive: number | undefined;
  /** The last-use signal, with its lag in milliseconds. */
  readonly usage: { readonly kind: string; readonly lag: number } | undefined;
  /** Are keys found by our mark? Without it a target belongs to one credential. */
  readonly tagged: boolean;
  /** May we choose an expiry at the provider? */
  readonly expiry: boolean;
  /** Names of the material's fields, and the one that is the value. */
  readonly material: { readonly fields: readonly string[]; readonly value: string };
}
