import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isKeybatonError, KeybatonError } from '../domain/errors.ts';

/**
 * The one key of an installation. Everything it protects uses a key derived from it by purpose (HKDF-SHA256), so that
 * no purpose can undo another: `pepper` for fingerprints, `proofs` for sealed proof keys, `embedded-vault`.
 */
export interface InstallationKey {
  /** Names the key without telling anything of it: `[a-z0-9]{8}`. Also the pepper id. */
  readonly id: string;
  /** 32 bytes; the same purpose gives the same key. */
  derive(purpose: string): Uint8Array;
}

export const installationKeyVariable = 'KEYBATON_INSTALLATION_KEY';
export const installationKeyFile = 'installation.key';
const keyLength = 32;

export interface ReadInstallationKey {
  /** The folder of this installation (`KEYBATON_HOME`). */
  readonly home: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Make the file when there is none; only `up` does so. */
  readonly create: boolean;
}

/**
 * From the environment (base64) when it is set, else from the file, which nobody but its owner may read.
 * INVALID_CONFIG when it is misshapen or readable by others; NOT_FOUND when there is none and `create` is false.
 */
export async function readInstallationKey(options: ReadInstallationKey): Promise<InstallationKey> {
  const given = options.environment[installationKeyVariable];
  if (given !== undefined && given !== '') return installationKey(decode(given, installationKeyVariable));
  const path = join(options.home, installationKeyFile);
  const text = await keyText(options.home, path, options.create);
  if (text === undefined) {
    throw new KeybatonError(
      'NOT_FOUND',
      `there is no installation key: run \`keybaton up\` once, copy ${installationKeyFile} from the first host, or set ${installationKeyVariable}`,
    );
  }
  return installationKey(decode(text, path));
}

async function keyText(home: string, path: string, create: boolean): Promise<string | undefined> {
  try {
    return (await readKeyFile(path)) ?? (create ? await makeKeyFile(home, path) : undefined);
  } catch (thrown) {
    throw isKeybatonError(thrown) ? thrown : homeTrouble(home, thrown);
  }
}

/** What a person can mend at the folder of the installation, which every command opens first. */
function homeTrouble(home: string, thrown: unknown): KeybatonError {
  if (isCode(thrown, 'ENOSPC') || isCode(thrown, 'EDQUOT'))
    return new KeybatonError('CAPACITY_EXHAUSTED', `the disk of ${home} is full: free some space`, { cause: thrown });
  if (isCode(thrown, 'EACCES') || isCode(thrown, 'EPERM') || isCode(thrown, 'EROFS'))
    return new KeybatonError(
      'ACCESS_DENIED',
      `this user may not write ${home}: check its owner, or set KEYBATON_HOME`,
      {
        cause: thrown,
      },
    );
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown';
  return new KeybatonError(
    'INVALID_CONFIG',
    `${home} cannot be used (${code}): set KEYBATON_HOME to a folder of ours`,
    {
      cause: thrown,
    },
  );
}

/** From 32 bytes that the caller already has. */
export function installationKey(key: Uint8Array): InstallationKey {
  if (key.length !== keyLength) throw new KeybatonError('INVALID_CONFIG', 'the installation key must be 32 bytes');
  const derive = (purpose: string): Uint8Array =>
    new Uint8Array(hkdfSync('sha256', key, 'keybaton installation key', `keybaton/${purpose}`, keyLength));
  const id = createHmac('sha256', derive('key-id')).update('id').digest('hex').slice(0, 8);
  return { id, derive };
}

function decode(text: string, source: string): Uint8Array {
  const trimmed = text.trim();
  const key = Buffer.from(trimmed, 'base64');
  if (key.length === keyLength && key.toString('base64') === trimmed) return key;
  throw new KeybatonError('INVALID_CONFIG', `${source} must hold 32 bytes in base64 (44 characters)`);
}

async function readKeyFile(path: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) {
      throw new KeybatonError('INVALID_CONFIG', `${path} can be read by others: run chmod 600 on it`);
    }
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    if (isCode(error, 'EACCES')) {
      throw new KeybatonError('ACCESS_DENIED', `${path} cannot be read by this user`, { cause: error });
    }
    throw error;
  }
}

/** Written whole under another name, then linked: a crash leaves no half key, and of two that start at once one wins. */
async function makeKeyFile(home: string, path: string): Promise<string | undefined> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${randomBytes(keyLength).toString('base64')}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(draft, path);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  } finally {
    await unlink(draft);
  }
  return readKeyFile(path);
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
