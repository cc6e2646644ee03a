import { describe, expect, it } from 'vitest';
import type { BoundProvider } from '../../activities/ports.ts';
import { KeybatonError } from '../../domain/errors.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { inMemory } from '../../providers/in-memory.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { digestOf, processWorld } from '../../providers/in-memory/world.ts';
import { bindProvider } from '../../worker/bind-provider.ts';
import { eitherAdmin, withSecondAdmin } from '../../worker/second-admin.ts';

const admin = (value: string) => (): Promise<SecretMaterial> =>
  Promise.resolve(new SecretMaterial({ token: value }, 'token'));
const missing = (): Promise<never> => Promise.reject(new KeybatonError('NOT_FOUND', 'the first is not set'));
const call = () => ({
  signal: AbortSignal.timeout(5_000),
  deadline: Date.now() + 5_000,
  now: () => Date.now(),
  random: () => new Uint8Array(8),
});

/** A target whose provider takes one admin credential only. */
function target(accepts: string): { readonly world: ReturnType<typeof processWorld>; bound(): BoundProvider } {
  const world = processWorld();
  world.change((state) => (state.admin = digestOf(accepts)));
  const bind = (value: string): BoundProvider =>
    bindProvider(inMemory({ world: () => world }), {
      name: 'target',
      environment: 'prod',
      installation: 'installation',
      settings: {},
      admin: admin(value),
    });
  return { world, bound: () => withSecondAdmin(bind('first'), bind('second')) };
}

describe('a second admin credential', () => {
  it('is asked with where the provider denies the first: a leaked one was revoked', async () => {
    await expect(target('second').bound().list(call())).resolves.toEqual([]);
  });

  it('is not asked with where the first is taken', async () => {
    await expect(target('first').bound().list(call())).resolves.toEqual([]);
  });

  it('is no help against other trouble', async () => {
    const made = target('first');
    scriptTrouble(made.world, 'list', { kind: 'fail', code: 'UNAVAILABLE' }, 1);
    await expect(made.bound().list(call())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('denied too, it is a denial', async () => {
    await expect(target('neither').bound().list(call())).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  });

  it('is read where the first cannot be', async () => {
    expect((await eitherAdmin(missing, admin('second'))).revealValue()).toBe('second');
  });

  it('missing too, the first one is told of', async () => {
    await expect(eitherAdmin(missing, missing)).rejects.toMatchObject({ message: 'the first is not set' });
  });
});
