import { describe, expect, it } from 'vitest';
import { inMemoryBackend, inMemoryWorld } from '../../backends/in-memory.ts';
import { createInMemoryWorld, type Trouble } from '../../backends/in-memory/world.ts';
import { backendRegistry } from '../../backends/registry.ts';
import { codeOf, isKeybatonError } from '../../domain/errors.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { versionIdFrom } from '../../domain/identifiers.ts';
import { inMemorySubject, testPlace } from './in-memory-subject.ts';
import { runBackendSuite } from './run-backend-suite.ts';

describe('the in-memory backend', () => {
  runBackendSuite({ create: inMemorySubject() });

  const version = versionIdFrom(new Uint8Array(64).fill(7));
  const envelope = {
    version,
    ref: { id: 'key-1' },
    material: new SecretMaterial({ api_key: 'canary-in-memory' }, 'api_key'),
  };
  const call = (signal = new AbortController().signal) => ({ signal, deadline: 100, now: () => 0 });

  const codes: readonly (readonly [Trouble, string])[] = [
    ['fail', 'UNAVAILABLE'],
    ['sealed', 'UNAVAILABLE'],
    ['denied', 'ACCESS_DENIED'],
    ['full', 'CAPACITY_EXHAUSTED'],
    ['rate-limited', 'RATE_LIMITED'],
  ];
  it.each(codes)('scripted trouble %s throws %s and has no effect', async (trouble, code) => {
    const world = createInMemoryWorld();
    world.script(trouble, { operation: 'stage' });
    const backend = inMemoryBackend('memory', world);
    const thrown: unknown = await backend.stage(testPlace, envelope, call()).catch((reason: unknown) => reason);
    expect(codeOf(thrown)).toBe(code);
    expect(world.shelf(testPlace.path).staged.size).toBe(0);
    await backend.stage(testPlace, envelope, call());
    expect(world.calls).toEqual(['stage', 'stage']);
  });

  it('a lost answer is AMBIGUOUS and the effect is there', async () => {
    const world = createInMemoryWorld();
    world.script('lose-answer');
    const lost = inMemoryBackend('memory', world).stage(testPlace, envelope, call());
    await expect(lost).rejects.toMatchObject({ code: 'AMBIGUOUS' });
    expect(world.shelf(testPlace.path).staged.size).toBe(1);
  });

  it('a call that hangs ends with its signal and has no effect', async () => {
    const world = createInMemoryWorld();
    world.script('hang');
    const caller = new AbortController();
    const hanging = inMemoryBackend('memory', world).stage(testPlace, envelope, call(caller.signal));
    caller.abort();
    await expect(hanging).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(world.shelf(testPlace.path).staged.size).toBe(0);
  });

  it('throws the secret when told to, so that scrubbing can be tested', async () => {
    const world = createInMemoryWorld();
    world.script('throw-secret');
    const thrown: unknown = await inMemoryBackend('memory', world)
      .stage(testPlace, envelope, call())
      .catch((reason: unknown) => reason);
    expect(isKeybatonError(thrown)).toBe(false);
    expect(String(thrown).includes(envelope.material.revealValue())).toBe(true);
  });

  it('plays a write-only store: read is UNSUPPORTED and describe unknown', async () => {
    const backend = inMemoryBackend('memory', createInMemoryWorld(), false);
    await backend.stage(testPlace, envelope, call());
    await expect(backend.read(testPlace, version, call())).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    expect(await backend.describe(testPlace, call())).toEqual({ main: { kind: 'unknown' }, staged: [] });
    await backend.promote(testPlace, { version, epoch: 1, expected: undefined, envelope }, call());
    const wrote = { version, epoch: 1 };
    expect(await backend.describe(testPlace, call())).toEqual({ main: { kind: 'unknown', wrote }, staged: [] });
  });

  it('backends made from settings share the world they name', async () => {
    const access = { name: 'shared', admin: () => Promise.reject(new Error('unused')), key: () => new Uint8Array(32) };
    const world = `world-${String(process.pid)}`;
    await backendRegistry['in-memory'].open({ world }, access).stage(testPlace, envelope, call());
    expect(inMemoryWorld(world).shelf(testPlace.path).staged.size).toBe(1);
  });

  it('settings that do not fit are INVALID_CONFIG and say where', () => {
    const access = { name: 'shared', admin: () => Promise.reject(new Error('unused')), key: () => new Uint8Array(32) };
    expect(() => backendRegistry['in-memory'].open({ wurld: 'x' }, access)).toThrow(/backend shared.*wurld/s);
  });
});
