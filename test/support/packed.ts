import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeFolder } from '../../scripts/servers/guard.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { root } from '../../scripts/setup/places.mjs';

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

function npm(args: readonly string[], cwd: string): string {
  return execFileSync('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], { cwd, encoding: 'utf8' });
}

/** Packs this checkout and installs the tarball into an empty folder, as someone who has nothing of ours. */
export function installPacked(): PackedInstall {
  const { path: folder } = temporaryFolder('packed');
  const name = npm(['pack', '--silent', '--pack-destination', folder], root).trim().split('\n').at(-1) ?? '';
  const tarball = join(folder, name);
  const listing = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' });

  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'newcomer', private: true, type: 'module' }));
  const platformNode = `${process.platform}-${process.arch}`;
  npm(['install', tarball, `node-${platformNode}@${oldestNode}`], folder);
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
