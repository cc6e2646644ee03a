import Database from 'better-sqlite3';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeFolder } from '../../scripts/servers/guard.ts';
import { poll } from '../../scripts/servers/poll.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { root } from '../../scripts/setup/places.mjs';
import { runToEnd } from './run-to-end.ts';

export interface PackedInstall {
  /** The once empty folder. */
  readonly folder: string;
  /** Paths inside the tarball. */
  readonly files: readonly string[];
  /** The oldest Node that keybaton supports, also in the folder. */
  readonly node: string;
  /** `node_modules/@keybaton/keybaton` of the folder. */
  readonly packageFolder: string;
  /** The command, to be run with `node`. */
  readonly command: string;
  readonly remove: () => void;
}

const oldestNode = '22.18.0';

const minute = 60_000;

async function output(command: string, args: readonly string[], cwd?: string): Promise<string> {
  const ran = await runToEnd(command, args, { within: 4 * minute, ...(cwd === undefined ? {} : { cwd }) });
  if (ran.status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${ran.status}: ${ran.stderr}`);
  return ran.stdout;
}

const npm = (args: readonly string[], cwd: string): Promise<string> =>
  output('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], cwd);

/**
 * One at a time, whichever process it is: packing empties `dist/` of the checkout and fills it again, and what another one
 * packed meanwhile would have half of it. SQLite's lock ends with its process.
 */
async function alone<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  const folder = join(root, 'node_modules', '.cache');
  mkdirSync(folder, { recursive: true });
  const lock = new Database(join(folder, 'packing.lock'), { timeout: 0 });
  const taken = (): boolean => {
    try {
      lock.exec('BEGIN EXCLUSIVE');
      return true;
    } catch (error) {
      if (error instanceof Database.SqliteError && error.code === 'SQLITE_BUSY') return false;
      throw error;
    }
  };
  try {
    await poll(taken, { what: 'the end of another packing', within: 5 * minute, every: 200 });
    return await work();
  } finally {
    lock.close();
  }
}

/** Packs this checkout and installs the tarball into an empty folder, as someone who has nothing of ours. */
export async function installPacked(): Promise<PackedInstall> {
  const { path: folder } = temporaryFolder('packed');
  const packing = alone(() => npm(['pack', '--silent', '--pack-destination', folder], root));
  const name = (await packing).trim().split('\n').at(-1) ?? '';
  const tarball = join(folder, name);
  const listing = await output('tar', ['-tzf', tarball]);

  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'newcomer', private: true, type: 'module' }));
  const platformNode = `${process.platform}-${process.arch}`;
  await npm(['install', tarball, `node-${platformNode}@${oldestNode}`], folder);
  const packageFolder = join(folder, 'node_modules', '@keybaton', 'keybaton');
  return {
    folder,
    files: listing
      .trim()
      .split('\n')
      .map((line) => line.replace(/^package\//, '')),
    node: join(folder, 'node_modules', `node-${platformNode}`, 'bin', 'node'),
    packageFolder,
    command: join(packageFolder, 'bin', 'keybaton.js'),
    remove: () => removeFolder(folder),
  };
}
