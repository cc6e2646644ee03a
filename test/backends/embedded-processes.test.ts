import { testPlace as place } from './in-memory-subject.ts';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Backend } from '../../backends/backend.ts';
import { embeddedBackend } from '../../backends/embedded.ts';
import { createReadMain } from '../../backends/embedded/read-main.ts';
import { embeddedVault } from '../../backends/embedded/vault.ts';
import { type VersionId } from '../../domain/identifiers.ts';
import { temporaryFolder, type TemporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { call, key, make } from './embedded-subject.ts';

describe('the embedded vault in several processes', () => {
  let folder: TemporaryFolder;
  let file: string;
  let vault: ReturnType<typeof embeddedVault>;
  let backend: Backend;
  beforeEach(() => {
    folder = temporaryFolder('embedded');
    file = join(folder.path, 'vault.db');
    vault = embeddedVault(file, () => key);
    backend = embeddedBackend('vault', vault);
  });
  afterEach(() => {
    vault.close();
    folder.remove();
  });

  async function promoted(epoch: number, expected?: VersionId) {
    const made = make();
    await backend.stage(place, made, call());
    await backend.promote(place, { version: made.version, epoch, expected }, call());
    return made;
  }

  const rival = new URL('./embedded-rival.ts', import.meta.url).pathname;
  const start = (...args: string[]) =>
    spawn(process.execPath, [rival, file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });

  it('processes that promote at once lose no write and end with the highest epoch', async () => {
    const rivals = ['a', 'b', 'c'].map((name) => start('promote', name));
    const exits = await Promise.all(rivals.map((child) => once(child, 'exit')));
    expect(exits.map(([code]) => code as unknown)).toEqual([0, 0, 0]);
    const { main, staged } = await backend.describe(place, call());
    expect(staged.length).toBe(30);
    // Ten winners under growing epochs each; every generation has one epoch, and none was written twice.
    const epochs = vault.read((store) => [...store.generations(place.path)].map(({ mark }) => mark?.epoch));
    expect(new Set(epochs).size).toBe(epochs.length);
    expect(epochs).toEqual([...epochs].sort((one, other) => Number(other) - Number(one)));
    expect(main).toMatchObject({ kind: 'ours', epoch: epochs[0] });
  });

  it('a process killed in the middle of a promote leaves either the old or the new version', async () => {
    const first = await promoted(1);
    const child = start('hang-in-promote', first.version);
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect((await backend.describe(place, call())).main).toEqual({ kind: 'ours', version: first.version, epoch: 1 });
    const next = await promoted(2, first.version);
    expect(createReadMain(vault)(place.path, 'current').version).toBe(next.version);
  });
});
