import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mounted } from '../../consumer/sources/mounted.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import type { TemporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { until } from '../support/until.ts';
import { sourceScenarios } from './source-scenarios.ts';
import { jsonFileStore, mountedStore, swapIn } from './stores.ts';

describe('a folder as Kubernetes mounts it', () => sourceScenarios(mountedStore, { earlier: 'NOT_FOUND' }));
describe('a JSON file that is replaced', () => sourceScenarios(jsonFileStore, { earlier: 'NOT_FOUND' }));

describe('what is mounted', () => {
  let folder: TemporaryFolder;
  beforeEach(() => {
    folder = temporaryFolder('what-is-mounted');
  });
  afterEach(() => folder.remove());
  const read = (path = folder.path) => mounted({ path }).current(AbortSignal.timeout(20_000));

  test('belongs to one moment, however often it is swapped meanwhile', async () => {
    swapIn(folder.path, { one: '0', two: '0' });
    let isOver = false;
    const swapping = (async () => {
      for (let n = 1; !isOver; n += 1) {
        swapIn(folder.path, { one: String(n), two: String(n) });
        rmSync(join(folder.path, 'rest'), { force: true });
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    const seen = new Set<string>();
    await until('several were seen', async () => {
      const { one, two } = await read().catch((error: { code: string }) => {
        // Swapped at every look: that is said, and nothing torn is given.
        expect(error.code).toBe('UNAVAILABLE');
        return { one: '', two: '' };
      });
      expect(one).toBe(two);
      seen.add(one ?? '');
      return seen.size > 3;
    });
    isOver = true;
    await swapping;
  });

  test('loses the end of a single line, and text of several lines stays as it is', async () => {
    const pem = '-----BEGIN KEY-----\nabc\n-----END KEY-----\n';
    for (const [name, text] of Object.entries({ api_key: 'a key\n', pem, '.hidden': 'x' }))
      writeFileSync(join(folder.path, name), text);
    mkdirSync(join(folder.path, 'a folder'));
    expect(await read()).toEqual({ api_key: 'a key', pem });
  });

  test('is told of when it changes, also in a plain folder', async () => {
    writeFileSync(join(folder.path, 'api_key'), 'one');
    const ending = new AbortController();
    let changes = 0;
    const watching = mounted({ path: folder.path, every: 5 }).watch?.(() => (changes += 1), ending.signal);
    let n = 0;
    await until('it was noticed', () => {
      writeFileSync(join(folder.path, 'api_key'), `another ${String((n += 1))}`);
      return changes > 0;
    });
    ending.abort();
    await watching;
  });

  test.each<[string, string, (path: string) => void]>([
    ['is not there', 'NOT_FOUND', () => undefined],
    ['is no JSON object', 'INVALID_CONFIG', (path) => writeFileSync(path, 'api_key=canary-7b2d')],
    ['is too large', 'INVALID_CONFIG', (path) => writeFileSync(path, 'canary-7b2d'.repeat(400_000))],
  ])('that %s is %s, without its text', async (_what, code, make) => {
    const path = join(folder.path, 'secret');
    make(path);
    const error: unknown = await read(path).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect(String(error)).not.toContain('canary');
  });

  test('that may not be read is ACCESS_DENIED', async ({ skip }) => {
    if (process.getuid?.() === 0) skip('root may read everything');
    const path = join(folder.path, 'secret.json');
    writeFileSync(path, '{}');
    chmodSync(path, 0);
    await expect(read(path)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  });
});
