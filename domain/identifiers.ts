import { KeybatonError } from './errors.ts';

declare const credentialBrand: unique symbol;
declare const versionBrand: unique symbol;

/** `provider/environment/application`, e.g. `openai/prod/support-bot`. */
export type CredentialId = string & { readonly [credentialBrand]: true };
/** `kb` + 30 of `[a-z0-9]`: chosen by us before anything is made, and fit for every provider's id and tag rules. */
export type VersionId = string & { readonly [versionBrand]: true };

const part = /^[a-z0-9][a-z0-9-]{0,62}$/;
const version = /^kb[a-z0-9]{30}$/;
const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

export interface CredentialParts {
  readonly provider: string;
  readonly environment: string;
  readonly application: string;
}

export function isCredentialId(text: string): text is CredentialId {
  const parts = text.split('/');
  return parts.length === 3 && parts.every((one) => part.test(one));
}

/** Throws INVALID_CONFIG; the text itself is shown shortened and escaped, since it may come from anywhere. */
export function parseCredentialId(text: string): CredentialId {
  if (isCredentialId(text)) return text;
  throw new KeybatonError(
    'INVALID_CONFIG',
    `${JSON.stringify(text.slice(0, 80))} is not a credential id: write provider/environment/application, each of a-z 0-9 - and at most 63 long`,
  );
}

export function credentialParts(id: CredentialId): CredentialParts {
  const [provider = '', environment = '', application = ''] = id.split('/');
  return { provider, environment, application };
}

export function isVersionId(text: string): text is VersionId {
  return version.test(text);
}

export function parseVersionId(text: string): VersionId {
  if (isVersionId(text)) return text;
  throw new KeybatonError('INVALID_CONFIG', 'a version id is kb followed by 30 of a-z 0-9');
}

/**
 * A fresh version id from random bytes (at least 30; bytes over 251 are skipped so that no letter is likelier).
 * Randomness is injected: pass 64 bytes and the chance that they do not suffice is negligible; then it throws.
 */
export function versionIdFrom(random: Uint8Array): VersionId {
  let text = 'kb';
  for (const byte of random) {
    if (byte < 252) text += alphabet[byte % 36];
    if (text.length === 32) return text as VersionId;
  }
  throw new KeybatonError('UNAVAILABLE', 'too few random bytes for a version id');
}

export const rotationWorkflowId = (credential: CredentialId): string => `rotation/${credential}`;
export const settleDebtWorkflowId = (version: VersionId): string => `settleDebt/${version}`;
export const watchTargetWorkflowId = (target: string): string => `watchTarget/${target}`;
export const drillWorkflowId = (credential: CredentialId): string => `drill/${credential}`;
export const incidentWorkflowId = (incident: string): string => `incident/${incident}`;
export const incidentPartWorkflowId = (incident: string, part: number): string => `incident/${incident}/${part}`;
/** What rotates the dependents of one credential, once for each incident. */
export const incidentDependentsWorkflowId = (incident: string, after: CredentialId): string =>
  `incident/${incident}/after/${after}`;
