import { readFile } from 'node:fs/promises';
import { KeybatonError } from '../../domain/errors.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import type { VaultKvSettings } from './settings.ts';

/** What is sent to `auth/<mount>/login`. `body` holds a secret. */
export interface Login {
  readonly mount: string;
  readonly body: Readonly<Record<string, string>>;
  /** What a person checks when it is refused. */
  readonly check: string;
}

export type LoginMethod = Exclude<VaultKvSettings['auth'], { readonly method: 'token' }>;

/**
 * Read anew for every login: a kubelet replaces a pod's token long before it ends. NOT_FOUND or ACCESS_DENIED when the file
 * of it cannot be read.
 */
export async function readLogin(auth: LoginMethod, admin: () => Promise<SecretMaterial>): Promise<Login> {
  const { mount } = auth;
  if (auth.method === 'approle') {
    const secret = (await admin()).revealValue();
    return { mount, body: { role_id: auth.roleId, secret_id: secret }, check: 'roleId and secret id' };
  }
  const jwt = auth.tokenFile === undefined ? (await admin()).revealValue() : await tokenOf(auth.tokenFile);
  const role: Readonly<Record<string, string>> = auth.role === undefined ? {} : { role: auth.role };
  return { mount, body: { ...role, jwt }, check: 'role, and whom the token was made for (audience, subject)' };
}

async function tokenOf(file: string): Promise<string> {
  try {
    const token = (await readFile(file, 'utf8')).trim();
    if (token !== '') return token;
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown';
    if (code === 'EACCES' || code === 'EPERM')
      throw new KeybatonError('ACCESS_DENIED', `this user may not read ${file}, the token that vault is asked with`);
    throw new KeybatonError(
      'NOT_FOUND',
      `${file} cannot be read (${code}): mount the token that vault is asked with there, or set tokenFile`,
    );
  }
  throw new KeybatonError('NOT_FOUND', `${file} is empty: it should hold the token that vault is asked with`);
}
