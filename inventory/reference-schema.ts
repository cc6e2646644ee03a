import { z } from 'zod';
import { adminReferenceForms, parseAdminReference } from './admin-reference.ts';

/** Where a secret of ours is read from. What stands there instead may be the secret itself, so it is never shown. */
export function secretReference(what: string, example: string) {
  return z
    .string({ error: `expected a reference to ${what}: ${adminReferenceForms}` })
    .refine((text) => parseAdminReference(text) !== undefined, {
      error: `expected a reference to ${what}, never the credential itself: ${adminReferenceForms}`,
    })
    .meta({ examples: [example, 'file:/run/secrets/name'] });
}
