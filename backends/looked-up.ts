import { KeybatonError } from '../domain/errors.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import type { StoredFields } from './main-place.ts';

/**
 * The texts among what people keep at a path, `field` being the value, or the first of them. NOT_FOUND when there is no such
 * text; `where` is the name of the backend and the path.
 */
export function lookedUp(
  fields: StoredFields | undefined,
  field: string | undefined,
  where: { readonly backend: string; readonly path: string },
): SecretMaterial {
  const texts = Object.fromEntries(
    Object.entries(fields ?? {}).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
  const name = field ?? Object.keys(texts)[0];
  if (name !== undefined && Object.hasOwn(texts, name)) return new SecretMaterial(texts, name);
  throw new KeybatonError('NOT_FOUND', `backend ${where.backend} holds no text ${field ?? ''} at ${where.path}`);
}
