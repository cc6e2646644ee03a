import { testPlace as place } from './in-memory-subject.ts';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Backend } from '../../backends/backend.ts';
import { embeddedBackend } from '../../backends/embedded.ts';
import { createReadMain } from '../../backends/embedded/read-main.ts';
import { embeddedVault } from '../../backends/embedded/vault.ts';
import { type VersionId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { temporaryFolder, type TemporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { runBackendSuite } from './run-backend-suite.ts';
import { openVaultFile } from '../../backends/embedded/vault-file.ts';
import { call, embeddedSubject, key, make, otherKey } from './embedded-subject.ts';

describe('the embedded backend', () => {
  runBackendSuite({ create: embeddedSubject });
});

describe('the file of the embedded vault', () => {
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

  const bytesOnDisk = () =>
    Buffer.concat(
      [file, `${file}-wal`, `${file}-shm`].filter((path) => existsSync(path)).map((path) => readFileSync(path)),
    );

  async function promoted(epoch: number, expected?: VersionId) {
    const made = make();
    await backend.stage(place, made, call());
    await backend.promote(place, { version: made.version, epoch, expected }, call());
    return made;
  }

  function sealedRows(version: VersionId): Buffer[] {
    const raw = new Database(file, { readonly: true });
    const rows = raw.prepare(
      'SELECT sealed FROM staged WHERE version = ? UNION ALL SELECT sealed FROM main WHERE version = ?',
    );
    const found = rows.pluck().all(version, version) as Buffer[];
    raw.close();
    return found;
  }

  it('holds no value in the clear, before and after destroy, while a name that is no secret is found', async () => {
    const first = await promoted(1);
    const second = await promoted(2, first.version);
    for (const { value, version } of [first, second]) {
      expect(bytesOnDisk().includes(value)).toBe(false);
      expect(bytesOnDisk().includes(Buffer.from(value).toString('base64'))).toBe(false);
      expect(bytesOnDisk().includes(version)).toBe(true);
    }
    await backend.destroy(place, first.version, call());
    expect(bytesOnDisk().includes(first.value)).toBe(false);
  });

  it('destroy leaves not even the encrypted bytes, in the file or its log', async () => {
    const first = await promoted(1);
    const second = await promoted(2, first.version);
    const rows = sealedRows(first.version);
    expect(rows.length).toBe(2);
    for (const row of rows) expect(bytesOnDisk().includes(row)).toBe(true);
    await backend.destroy(place, first.version, call());
    for (const row of rows) expect(bytesOnDisk().includes(row)).toBe(false);
    for (const row of sealedRows(second.version)) expect(bytesOnDisk().includes(row)).toBe(true);
  });

  it('destroy says so while a reader keeps erased rows in the log, and the retry cuts it', async () => {
    const first = await promoted(1);
    await promoted(2, first.version);
    const reader = new Database(file);
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM main').get();
    await expect(backend.destroy(place, first.version, call())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    reader.exec('COMMIT');
    reader.close();
    await backend.destroy(place, first.version, call());
    expect(sealedRows(first.version).filter((row) => row !== null)).toEqual([]);
    expect(statSync(`${file}-wal`).size).toBe(0);
  });

  it('is made for its owner alone, log included', async () => {
    await promoted(1);
    for (const path of [file, `${file}-wal`, `${file}-shm`]) expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('is refused when others may read it, saying what to do', async () => {
    await promoted(1);
    vault.close();
    chmodSync(file, 0o640);
    await expect(backend.probe(place, call())).rejects.toThrow(/mode 640.*chmod 600/);
  });

  it('is refused under another key, naming both keys and what to do', async () => {
    await promoted(1);
    const other = embeddedVault(file, () => otherKey);
    expect(() => other.read((store) => store.stagedVersions(place.path))).toThrow(/start with the installation key/);
    other.close();
  });

  it('is refused when it is no vault at all', async () => {
    writeFileSync(file, 'this is a text file, long enough to be taken for a database header'.repeat(20), {
      mode: 0o600,
    });
    await expect(backend.probe(place, call())).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  });

  it.each([
    ["UPDATE main SET epoch = 9 WHERE version = '$V'", 'another epoch'],
    ["UPDATE main SET path = 'ai/prod/elsewhere' WHERE version = '$V'", 'another place'],
    ["UPDATE main SET credential = 'openai/prod/other' WHERE version = '$V'", 'another credential'],
    ["UPDATE main SET field_names = '[]' WHERE version = '$V'", 'another field set'],
    ['UPDATE main SET sealed = zeroblob(64)', 'other bytes'],
  ])('a row moved by hand does not open: %s (%#)', async (change, _what) => {
    const { version } = await promoted(1);
    const raw = new Database(file);
    raw.exec(change.replace('$V', version));
    raw.close();
    const path = change.includes('elsewhere') ? 'ai/prod/elsewhere' : place.path;
    await expect(backend.describe({ ...place, path }, call())).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
  });

  it('a full disk is CAPACITY_EXHAUSTED, and what was there stays', async () => {
    const first = await promoted(1);
    vault.close();
    const small = embeddedVault(file, () => key, {
      connect: (path) => {
        const connection = openVaultFile(path);
        connection.pragma(`max_page_count = ${String(connection.pragma('page_count', { simple: true }))}`);
        return connection;
      },
    });
    backend = embeddedBackend('vault', small);
    const big = new SecretMaterial({ api_key: 'x'.repeat(1_000_000) }, 'api_key');
    const staging = backend.stage(place, { ...make(), material: big }, call());
    await expect(staging).rejects.toMatchObject({ code: 'CAPACITY_EXHAUSTED' });
    expect((await backend.describe(place, call())).main).toMatchObject({ kind: 'ours', version: first.version });
    small.close();
  });

  it('a lock that does not end is UNAVAILABLE and says locked', async () => {
    await promoted(1);
    const raw = new Database(file);
    raw.exec('BEGIN IMMEDIATE');
    await expect(backend.stage(place, make(), call())).rejects.toThrow(/^locked: another process writes/);
    raw.close();
  });

  it('a deadline that passes while waiting for the lock writes nothing', async () => {
    await promoted(1);
    let asked = 0;
    const late = call({ deadline: 1, now: () => asked++ });
    const made = make();
    await expect(backend.stage(place, made, late)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect((await backend.describe(place, call())).staged).not.toContain(made.version);
    expect(asked).toBe(2);
  });

  it('gives consumers current and previous, and never an older one instead of a destroyed one', async () => {
    const readMain = createReadMain(vault);
    expect(() => readMain(place.path, 'current')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
    const first = await promoted(1);
    expect(() => readMain(place.path, 'previous')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
    const second = await promoted(2, first.version);
    const third = await promoted(3, second.version);
    const current = readMain(place.path, 'current');
    expect([current.version, current.epoch, current.fields.revealValue() === third.value]).toEqual([
      third.version,
      3,
      true,
    ]);
    const previous = readMain(place.path, 'previous');
    expect([previous.version, previous.epoch, previous.fields.revealValue() === second.value]).toEqual([
      second.version,
      2,
      true,
    ]);
    await backend.destroy(place, second.version, call());
    expect(() => readMain(place.path, 'previous')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
    expect(readMain(place.path, 'current').version).toBe(third.version);
  });

  it('after a roll-back previous is the version that was rolled back', async () => {
    const first = await promoted(1);
    const second = await promoted(2, first.version);
    await backend.promote(place, { version: first.version, epoch: 3, expected: second.version }, call());
    expect(createReadMain(vault)(place.path, 'previous').version).toBe(second.version);
  });
});
