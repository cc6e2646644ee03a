import { isCredentialId } from '../domain/identifiers.ts';
import type { CredentialId } from '../domain/identifiers.ts';

/** Where an admin credential is read from at the moment of use. It names a secret and never holds one. */
export type AdminReference =
  | { readonly kind: 'env'; readonly variable: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'vault'; readonly backend: string; readonly path: string; readonly field: string | undefined }
  | { readonly kind: 'credential'; readonly id: CredentialId };

export const adminReferenceForms =
  'env:NAME, file:/absolute/path, vault:backend/path#field or credential:provider/environment/application';

/** Undefined when the text is none; it may be a secret pasted in the wrong place, so it is never shown. */
export function parseAdminReference(text: string): AdminReference | undefined {
  const colon = text.indexOf(':');
  const rest = text.slice(colon + 1);
  switch (text.slice(0, Math.max(0, colon))) {
    case 'env':
      return /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(rest) ? { kind: 'env', variable: rest } : undefined;
    case 'file':
      return /^\/[^\0\n]{1,1000}$/.test(rest) ? { kind: 'file', path: rest } : undefined;
    case 'credential':
      return isCredentialId(rest) ? { kind: 'credential', id: rest } : undefined;
    case 'vault': {
      const match = /^([a-z0-9][a-z0-9-]{0,62})\/([A-Za-z0-9_./-]{1,400})(?:#([A-Za-z0-9_.-]{1,100}))?$/.exec(rest);
      return match ? { kind: 'vault', backend: match[1] ?? '', path: match[2] ?? '', field: match[3] } : undefined;
    }
    default:
      return undefined;
  }
}
