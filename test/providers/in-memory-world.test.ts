import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseCredentialId, versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { inMemory } from '../../providers/in-memory.ts';
import { inMemorySettings } from '../../providers/in-memory/settings.ts';
import { sharedWorld } from '../../providers/in-memory/shared-world.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { openSession, plantKey, processWorld, showValue, standingKeys } from '../../providers/in-memory/world.ts';
import type { World } from '../../providers/in-memory/world.ts';
import type { Call } from '../../providers/provider.ts';
import { poll } from '../../scripts/servers/poll.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import type { TemporaryFolder } from '../../scripts/servers/temporary-folder.ts';

const credential = parseCredentialId('in-memory/test/world');
const secret = 'admin secret of this test';
let world: World;
let now: number;
let folder: TemporaryFolder;

beforeEach(() => {
  world = processWorld();
  now = 1_000_000;
  folder = temporaryFolder('world');
});

afterEach(() => folder.remove());

const newVersion = () => versionIdFrom(new Uint8Array(randomBytes(64)));
const target = {
  name: 'world',
  environment: 'test',
  installation: 'kit1',
  settings: inMemorySettings.parse({ lateCreate: 2_000 }),
  admin: async () => new SecretMaterial({ token: secret }, 'token'),
};
const call = (changes: Partial<Call> = {}): Call => ({
  signal: new AbortController().signal,
  deadline: now + 5_000,
  now: () => now,
  random: (bytes) => new Uint8Array(randomBytes(bytes)),
  ...changes,
});
const provider = inMemory({ world: () => world });
const issue = async (version = newVersion(), how = call()) =>
  provider.issue?.(target, { credential, version, place: 'world' }, how);

test('a late create appears after its time-out, beside what the retry made', async () => {
  const version = newVersion();
  scriptTrouble(world, 'issue', { kind: 'late-create', delay: 1_000 });
  await expect(issue(version)).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  expect(await provider.list(target, call())).toEqual([]);
  await issue(version);
  now += 1_000;
  const twins = await provider.list(target, call());
  expect(twins.map((one) => one.tag?.version)).toEqual([version, version]);
});

test('an answer that is lost leaves the effect', async () => {
  const issued = await issue();
  scriptTrouble(world, 'revoke', { kind: 'lose-answer' });
  await expect(provider.revoke(target, issued?.ref ?? { id: '' }, call())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  expect(standingKeys(world, now)).toEqual([]);
});

test('trouble spoils as many calls as it was told to', async () => {
  scriptTrouble(world, 'any', { kind: 'fail', code: 'RATE_LIMITED' }, 2);
  for (let tries = 0; tries < 2; tries += 1) await expect(issue()).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  await issue();
  expect(standingKeys(world, now)).toHaveLength(1);
});

test('a call that hangs after its effect is AMBIGUOUS when the caller gives up', async () => {
  scriptTrouble(world, 'issue', { kind: 'hang', when: 'after' });
  await expect(
    issue(newVersion(), call({ signal: AbortSignal.timeout(20), deadline: Infinity })),
  ).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  expect(standingKeys(world, now)).toHaveLength(1);
});

test.for(['message', 'cause', 'non-error', 'parse-error'] as const)(
  'a scripted leak throws the secret: %s',
  async (how) => {
    scriptTrouble(world, 'list', { kind: 'leak', how });
    const thrown: unknown = await provider.list(target, call()).catch((error: unknown) => error);
    const shown = thrown instanceof Error ? [thrown.message, String(thrown.cause)].join() : JSON.stringify(thrown);
    expect(shown).toContain(secret);
  },
);

test('a leak while issuing throws the value that was just made', async () => {
  scriptTrouble(world, 'issue', { kind: 'leak', how: 'message' });
  const thrown: unknown = await issue().catch((error: unknown) => error);
  const value = /kbmem_[\w-]+/.exec(String(thrown))?.[0] ?? '';
  expect(showValue(world, value, now)).toBe('accepted');
});

test('a signal that runs behind shows no use younger than its lag', async () => {
  const lagging = { ...target, settings: { ...target.settings, usageLag: 3_000 } };
  const issued = await issue();
  showValue(world, issued?.material.revealValue() ?? '', now);
  const usedAt = now;
  expect(await provider.usage?.(lagging, issued?.ref ?? { id: '' }, call())).toEqual({ kind: 'timestamp' });
  now += 3_000;
  expect(await provider.usage?.(lagging, issued?.ref ?? { id: '' }, call())).toEqual({
    kind: 'timestamp',
    lastUsedAt: usedAt,
  });
});

test('a key that nobody of ours made is listed without a tag', async () => {
  plantKey(world, { id: 'by-hand', value: 'a value made by hand', at: now });
  expect(await provider.list(target, call())).toEqual([{ ref: { id: 'by-hand' }, disabled: false, createdAt: now }]);
});

test('a session cannot be opened with a value that is refused', () => {
  expect(() => openSession(world, 'nobody made this', now)).toThrow('no live key');
});

test('a shared world holds no value, and another process sees its keys', async () => {
  const shared = sharedWorld(folder.path);
  const issued = await inMemory({ world: () => shared }).issue?.(
    target,
    { credential, version: newVersion(), place: 'world' },
    call(),
  );
  shared.close();
  const again = sharedWorld(folder.path);
  const text = again.change((state) => JSON.stringify(state));
  expect(text).not.toContain(issued?.material.revealValue());
  expect(showValue(again, issued?.material.revealValue() ?? '', now)).toBe('accepted');
  again.close();
});

test('processes that are killed while they change a shared world leave it whole and unlocked', async () => {
  const here = new URL('../../providers/in-memory/', import.meta.url).href;
  const script = `
    import { sharedWorld } from '${here}shared-world.ts';
    import { plantKey } from '${here}world.ts';
    const world = sharedWorld(process.argv[1]);
    for (let made = 0; ; made += 1, await new Promise((done) => setTimeout(done, 2))) plantKey(world, { id: process.pid + '-' + made, value: 'value ' + process.pid + ' ' + made, at: 0 });`;
  const writers = [1, 2].map(() =>
    spawn(process.execPath, ['--input-type=module-typescript', '--eval', script, folder.path], { stdio: 'ignore' }),
  );
  const world = sharedWorld(folder.path);
  const madeBy = (pid: number | undefined) =>
    standingKeys(world, 1).filter((key) => key.id.startsWith(`${pid}-`)).length;
  try {
    await poll(() => writers.every((writer) => madeBy(writer.pid) > 3), { what: 'keys of both processes' });
  } finally {
    const ended = writers.map((writer) => once(writer, 'exit'));
    for (const writer of writers) writer.kill('SIGKILL');
    await Promise.all(ended);
  }
  for (const { pid } of writers) {
    const made = standingKeys(world, 1).filter((key) => key.id.startsWith(`${pid}-`));
    // None lost between two that were written.
    expect(made.map((key) => key.id)).toEqual(made.map((_, index) => `${pid}-${index}`));
  }
  plantKey(world, { id: 'after', value: 'written after the kills', at: 0 });
  expect(standingKeys(world, 1).at(-1)?.id).toBe('after');
  world.close();
});

test('a wrong folder is an error when the world is opened, not an empty world', () => {
  expect(() => sharedWorld('/dev/null/world')).toThrow();
});
