/**
 * What the author of an adapter needs: the two contracts, the errors to throw, the material to hand over, and the one
 * HTTP client that lets no secret out. Hold an adapter to its contract with `@keybaton/keybaton/conformance`.
 */
export type * from './backends/backend.ts';
export type * from './providers/provider.ts';
export { codeOf, isErrorCode, isKeybatonError, KeybatonError } from './domain/errors.ts';
export type { ErrorCode, ErrorExtras } from './domain/errors.ts';
export type { Ref } from './domain/facts.ts';
export { parseCredentialId, parseVersionId } from './domain/identifiers.ts';
export type { CredentialId, VersionId } from './domain/identifiers.ts';
export { isSecretMaterial, SecretMaterial } from './domain/secret-material.ts';
export { httpClient } from './outbound/http-client.ts';
export type { HttpAnswer, HttpClient, HttpClientOptions, HttpMethod, HttpRequest } from './outbound/http-client.ts';
