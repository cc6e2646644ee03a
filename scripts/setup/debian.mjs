// Servers out of Debian's packages for the slow tests: nothing is installed, no root is needed, no file outside .servers is written.

import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { cache } from './places.mjs';
import { readTools, writeTools } from './programs.mjs';

const downloadMilliseconds = 180_000;

/** Package, and the executable in it that says whether the server is here. */
export const debianServers = {
  'redis-server': 'usr/bin/redis-server',
  'rabbitmq-server': 'usr/lib/rabbitmq/bin/rabbitmq-server',
  'mariadb-server': 'usr/sbin/mariadbd',
  // Not the script of that name: it begins the installed browser, wherever it itself stands.
  chromium: 'usr/lib/chromium/chromium',
};

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The server as the system has it: where the package puts it, or by its name on PATH. */
function findInstalled(executable) {
  const name = executable.slice(executable.lastIndexOf('/') + 1);
  const folders = [join('/', dirname(executable)), ...(process.env.PATH ?? '').split(delimiter).filter(Boolean)];
  const path = folders.map((folder) => join(folder, name)).find(isExecutable);
  return path === undefined ? undefined : { path };
}

function run(command, args) {
  const result = spawnSync(command, args, { encoding: 'utf8', timeout: downloadMilliseconds });
  if (result.error?.code === 'ENOENT') throw new Error(`${command} is not here: this is no Debian or Ubuntu`);
  if (result.error !== undefined) throw new Error(`${command}: ${result.error.message}`);
  if (result.status === 0) return;
  const words = result.stderr.trim().split('\n').filter(Boolean);
  throw new Error(`${command} ended with ${result.status ?? result.signal}: ${words.at(-1) ?? 'no words'}`);
}

/** Folders of our own in place of the system's, so that apt works as any user. It still checks signatures. */
function aptFolders(folder, ownLists) {
  const places = ['archives/partial', 'lists/partial', 'cache'].map((name) => join(folder, name));
  for (const place of places) mkdirSync(place, { recursive: true });
  const settings = {
    'Debug::NoLocking': '1',
    'APT::Sandbox::User': '',
    'Acquire::Retries': '2',
    'Dir::Cache': join(folder, 'cache'),
    'Dir::Cache::archives': join(folder, 'archives'),
    ...(ownLists ? { 'Dir::State::lists': join(folder, 'lists') } : {}),
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/** The package and whatever it needs that this system lacks. Lists of the system may be missing or out of date. */
function download(name, folder) {
  const download = ['-y', '-qq', '--no-install-recommends', '--download-only', 'install', name];
  try {
    run('apt-get', [...aptFolders(folder, false), ...download]);
  } catch {
    const own = aptFolders(folder, true);
    run('apt-get', [...own, '-qq', 'update']);
    run('apt-get', [...own, ...download]);
  }
}

/** Where the shared libraries of unpacked packages are, for LD_LIBRARY_PATH. */
function libraryFolders(root) {
  const folders = ['usr/lib', 'lib'].map((name) => join(root, name)).filter((folder) => existsSync(folder));
  return folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('-linux-gnu'))
      .map((name) => join(folder, name)),
  );
}

/**
 * A server out of a Debian package: the system's own, or unpacked below `.servers/debian/<package>`.
 * @param {string} name of the package
 * @param {string} executable its path in the package, without the first `/`
 * @param {(line: string) => void} say
 * @param {string} home where packages are unpacked
 * @returns {{path: string, root?: string, libraries?: string[]} | {missing: string}} `root` and `libraries` (for
 *   LD_LIBRARY_PATH) only when it was unpacked
 */
export function bringDebian(name, executable, say = () => {}, home = join(cache, 'debian')) {
  const installed = findInstalled(executable);
  if (installed !== undefined) return installed;

  const root = join(home, name);
  const unpacked = () => ({ path: join(root, executable), root, libraries: libraryFolders(root) });
  if (existsSync(root)) return unpacked();

  const folder = join(home, `${name}.${process.pid}`);
  try {
    say(`fetching the Debian package ${name} and what it needs, without installing it`);
    download(name, folder);
    const half = join(folder, 'root');
    const packages = readdirSync(join(folder, 'archives')).filter((file) => file.endsWith('.deb'));
    for (const file of packages) run('dpkg', ['-x', join(folder, 'archives', file), half]);
    if (!isExecutable(join(half, executable))) throw new Error(`the package holds no ${executable}`);
    renameSync(half, root);
    return unpacked();
  } catch (error) {
    return { missing: `${name} could not be fetched: ${error.message}` };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Finds or fetches every server of the slow tests and notes in tools.json where it is, or why it is not. */
export function bringDebianServers(say) {
  const tools = readTools();
  for (const [name, executable] of Object.entries(debianServers)) {
    tools[name] = bringDebian(name, executable, say);
    if (tools[name].missing !== undefined) say(`${tools[name].missing}; the tests that need it are skipped`);
  }
  writeTools(tools);
}
