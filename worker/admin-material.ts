import { readFile, stat } from 'node:fs/promises';
import { KeybatonError } from '../domain/errors.ts';
import type { CredentialId } from '../domain/identifiers.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import { parseAdminReference } from '../inventory/admin-reference.ts';

/** Admin credentials that lie in backends: one that keybaton rotates itself, or one that people keep there. */
export interface KeptAdmins {
  managed(credential: CredentialId): Promise<SecretMaterial>;
  looked(backend: string, path: string, field: string | undefined): Promise<SecretMaterial>;
}

/**
 * Reads an admin credential where its reference points, at the moment of use. Plain text is one value; a JSON object of
 * texts is named fields (a login's username and password). Errors name the reference, never its content.
 */
export async function readAdmin(
  reference: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  kept: KeptAdmins,
): Promise<SecretMaterial> {
  if (reference === undefined)
    throw new KeybatonError(
      'INVALID_CONFIG',
      'this target names no admin credential: add `admin:` to it in targets.yml',
    );
  const parsed = parseAdminReference(reference);
  switch (parsed?.kind) {
    case 'env': {
      const text = environment[parsed.variable];
      if (text === undefined || text === '')
        throw new KeybatonError('NOT_FOUND', `admin credential ${reference} is not set in this process's environment`);
      return material(text, reference);
    }
    case 'file':
      return material(await fileText(parsed.path, reference), reference);
    case 'credential':
      return kept.managed(parsed.id);
    case 'vault':
      return kept.looked(parsed.backend, parsed.path, parsed.field);
    case undefined:
      throw new KeybatonError('INVALID_CONFIG', 'an admin reference is misshapen');
  }
}

async function fileText(path: string, reference: string): Promise<string> {
  try {
    const { mode } = await stat(path);
    if ((mode & 0o007) !== 0)
      throw new KeybatonError(
        'INVALID_CONFIG',
        `admin credential ${reference} can be read by everyone: run chmod 600 on the file`,
      );
    return await readFile(path, 'utf8');
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
    if (code === 'ENOENT') throw new KeybatonError('NOT_FOUND', `admin credential ${reference}: there is no such file`);
    if (code === 'EACCES')
      throw new KeybatonError('ACCESS_DENIED', `admin credential ${reference}: this user may not read the file`);
    throw thrown;
  }
}

function material(text: string, reference: string): SecretMaterial {
  const trimmed = text.trim();
  if (trimmed === '') throw new KeybatonError('INVALID_CONFIG', `admin credential ${reference} is empty`);
  if (!trimmed.startsWith('{')) return new SecretMaterial({ value: trimmed }, 'value');
  const fields = parseFields(trimmed);
  const first =
    fields === undefined
      ? undefined
      : (['password', 'value', 'token', 'secret_id'].find((name) => name in fields) ?? Object.keys(fields)[0]);
  if (fields === undefined || first === undefined) {
    throw new KeybatonError(
      'INVALID_CONFIG',
      `admin credential ${reference} must be plain text or a JSON object of texts`,
    );
  }
  return new SecretMaterial(fields, first);
}

/** Undefined when it is none: a parse error would quote the text. */
function parseFields(text: string): Record<string, string> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null) return undefined;
    const entries = Object.entries(parsed);
    return entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')
      ? Object.fromEntries(entries)
      : undefined;
  } catch {
    return undefined;
  }
}
