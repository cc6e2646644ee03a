/**
 * What the author of an adapter needs: the two contracts, the errors to throw, the material to hand over, and the one
 * HTTP client that lets no secret out. Hold an adapter to its contract with `@keybaton/keybaton/conformance`.
 */
import type { BackendFactory } from './backends/backend.ts';
import type { ProviderFactory } from './providers/provider.ts';

export type * from './backends/backend.ts';
export type * from './providers/provider.ts';
export { codeOf, isErrorCode, isKeybatonError, KeybatonError } from './domain/errors.ts';
export type { ErrorCode, ErrorExtras } from './domain/errors.ts';
export type { Ref } from './domain/facts.ts';
export { parseCredentialId, parseVersionId } from './domain/identifiers.ts';
export type { CredentialId, VersionId } from './domain/identifiers.ts';
export type { KeyAdvice, Slack } from './domain/key-advice.ts';
export { isSecretMaterial, SecretMaterial } from './domain/secret-material.ts';
export { httpClient } from './outbound/http-client.ts';
export type { HttpAnswer, HttpClient, HttpClientOptions, HttpMethod, HttpRequest } from './outbound/http-client.ts';

/** What `keybaton.config.mts` exports by default: adapters by the names that targets.yml uses, none of which may be a name that ships. */
export interface KeybatonConfig {
  readonly providers?: Readonly<Record<string, ProviderFactory>>;
  readonly backends?: Readonly<Record<string, BackendFactory<unknown>>>;
}
