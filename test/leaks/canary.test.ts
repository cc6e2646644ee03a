import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Entry } from '../../domain/entry.ts';
import { scriptTrouble, type Mischief, type Operation } from '../../providers/in-memory/trouble.ts';
import { plantKey } from '../../providers/in-memory/world.ts';
import type { Place } from '../../scripts/demo/search-places.ts';
import { readSettings } from '../../worker/settings.ts';
import { until } from '../support/until.ts';
import { startFake } from '../fakes/start.ts';
import { startGarblingProxy, type GarblingProxy } from './garbling-proxy.ts';
import { search } from '../../scripts/leak-hunt/search.ts';
import { openLeakStage, patience, type Actor, type LeakStage } from './stage.ts';

/**
 * No secret value outside provider, backend and the memory that needs it, whatever adapters throw; payloads are not
 * encrypted (protocol 12, line 8). Every scenario is played in one stage, then everything that was written is searched.
 */
type Shape = Extract<Mischief, { kind: 'leak' }>['how'];
const shapes: readonly Shape[] = ['message', 'cause', 'non-error', 'parse-error'];
const backendShapes = ['throw-secret', 'throw-secret-text'];
const backendOperations = ['probe', 'stage', 'promote', 'read', 'describe', 'destroy'];
/** The provider's operations that effects call; `recover` and `endSessions` are called by none, `extend` by the sweep. */
const providerOperations: readonly Operation[] = [
  'preflight',
  'issue',
  'verify',
  'revoke',
  'list',
  'suspend',
  'resume',
  'usage',
  'adopt',
];

describe('secret values', () => {
  let stage: LeakStage;
  let openAi: Awaited<ReturnType<typeof startFake>>;
  let proxy: GarblingProxy;
  let places: readonly Place[];
  let controls: ReadonlyMap<string, string>;
  let values: readonly string[];

  beforeAll(async () => {
    openAi = await startFake('openai');
    proxy = await startGarblingProxy(openAi.url);
    stage = await openLeakStage({ OPENAI_ADMIN: openAi.adminKey });
    await Promise.all([
      ...(['preflight', 'issue', 'verify', 'revoke', 'list', 'suspend', 'usage'] as const).map(leakingProvider),
      leakingMint(['message', 'parse-error']),
      leakingMint(['cause', 'non-error']),
      leakingResume(),
      leakingAdopt(),
      ...backendOperations.map(leakingBackend),
      failing(),
      timingOut(),
      escalated(),
      garbled(),
    ]);
    await crashing();
    stage.alsoSearch(openAi.values);
    values = stage.values();
    ({ places, controls } = await stage.end());
  }, 400_000);
  afterAll(async () => {
    await stage.close();
    proxy.close();
    await openAi.stop();
  }, 60_000);

  it('were made in every scenario', () => {
    expect(values.length).toBeGreaterThan(30);
    expect(new Set(values.map((value) => value.length >= 43))).toEqual(new Set([true]));
  });

  it.each(providerOperations.flatMap((operation) => shapes.map((shape) => ({ operation, shape }))))(
    'were thrown by the provider in $operation as $shape',
    ({ operation, shape }) => {
      expect(stage.thrown()).toContain(`provider.${operation} ${shape}`);
    },
  );

  it.each(backendOperations)('were thrown by the backend in %s, in an error and as a text', (operation) => {
    expect(stage.thrown()).toContain(`backend.${operation} message`);
    expect(stage.thrown()).toContain(`backend.${operation} text`);
  });

  it('were in answers that could not be parsed, and in error bodies of the vendor', () => {
    expect(proxy.garbled()).toBe(2);
    expect(openAi.values.length).toBeGreaterThan(3);
  });

  it('are not left to the debug output of Node itself, which prints what is sent: nothing of ours runs with it', () => {
    for (const sections of ['http', 'net,tls', '*'])
      expect(() => readSettings({ NODE_DEBUG: sections })).toThrow(/unset NODE_DEBUG/);
    expect(readSettings({ NODE_DEBUG: '' }).logLevel).toBe('info');
  });

  it('are looked for in everything that was written', () => {
    const names = places.map((place) => place.name);
    for (const name of [
      'temporal.db',
      'ledger.sqlite',
      'vault.sqlite',
      'kill-sheet.json',
      'worker-1.log',
      'worker-2.log',
    ])
      expect(names).toContain(name);
    for (const name of ['histories', 'visibility', 'statuses', 'alarms']) expect(names).toContain(name);
    for (const { name, bytes } of places) expect(bytes.length, name).toBeGreaterThan(0);
  });

  it('were logged around at debug level', () => {
    const log = places.find((place) => place.name === 'worker-1.log')?.bytes.join('') ?? '';
    // pino's number of the level; a library's own debug output, sent to the same file.
    expect(log).toMatch(/"level":20\b/);
    expect(log.length).toBeGreaterThan(100_000);
  });

  it('would be found in every place: a control planted there is', () => {
    for (const place of places) {
      const control = controls.get(place.name);
      expect(control, `a control in ${place.name}`).toBeDefined();
      expect(search(place, [control ?? '']), place.name).not.toEqual([]);
    }
  });

  it('are nowhere, in no form and in no piece', () => {
    const hits = places.flatMap((place) => search(place, values).map(({ form }) => `${form}, in ${place.name}`));
    expect([...new Set(hits)]).toEqual([]);
  });

  const old = async (actor: Actor): Promise<void> => {
    await stage.rotate(actor);
    await stage.result(actor);
  };

  const perOperation: Readonly<Record<string, Partial<Entry>>> = {
    suspend: { soak: 100 },
    usage: { silence: { for: 500 } },
  };

  async function leakingProvider(operation: Operation): Promise<void> {
    const actor = await stage.actor(
      `provider-${operation.toLowerCase()}`,
      'generates',
      'embedded',
      perOperation[operation],
    );
    await old(actor);
    for (const how of shapes) scriptTrouble(actor.world, operation, { kind: 'leak', how });
    await stage.rotate(actor);
    await stage.result(actor);
  }

  async function leakingMint(how: readonly Shape[]): Promise<void> {
    const actor = await stage.actor(`mint-${how.join('-')}`, 'mints', 'embedded');
    for (const each of how) scriptTrouble(actor.world, 'issue', { kind: 'leak', how: each });
    await old(actor);
  }

  async function leakingResume(): Promise<void> {
    const actor = await stage.actor('provider-resume', 'generates', 'embedded', { soak: 600_000 });
    await old(actor);
    await stage.rotate(actor);
    await stage.reaches(actor, 'soaking');
    const suspended = () => actor.world.change((state) => state.keys.some((key) => key.disabled));
    await until('the old version is suspended', suspended, patience);
    for (const how of shapes) scriptTrouble(actor.world, 'resume', { kind: 'leak', how });
    const version = (await stage.ledger.facts(actor.id)).epochs[1]?.version;
    if (version === undefined) throw new Error('there is no version to go back to');
    await stage.ledger.request({ kind: 'rollBack', credential: actor.id, version, who: 'test', why: 'test' });
    await stage.wake(actor);
    const epochs = async (): Promise<number> => (await stage.ledger.facts(actor.id)).epochs.length;
    await until('the roll-back is decided', async () => (await epochs()) === 3, patience);
  }

  async function leakingAdopt(): Promise<void> {
    const actor = await stage.actor('provider-adopt', 'supplied', 'embedded');
    const value = `kbmem_${randomBytes(32).toString('base64url')}`;
    plantKey(actor.world, { id: 'theirs', value, at: Date.now() });
    for (const how of shapes) scriptTrouble(actor.world, 'adopt', { kind: 'leak', how });
    await stage.supply(actor, value);
    await old(actor);
  }

  async function leakingBackend(operation: string): Promise<void> {
    const actor = await stage.actor(`backend-${operation}`, 'generates', 'in-memory');
    await old(actor);
    for (const trouble of backendShapes) await stage.trouble(actor, operation, trouble);
    await stage.rotate(actor);
    await stage.result(actor);
  }

  async function failing(): Promise<void> {
    const actor = await stage.actor('failing', 'mints', 'embedded');
    for (const code of ['UNAVAILABLE', 'RATE_LIMITED', 'AMBIGUOUS'] as const)
      scriptTrouble(actor.world, 'any', { kind: 'fail', code });
    await old(actor);
    for (const code of ['CONFLICT', 'ACCESS_DENIED', 'VERIFICATION_FAILED'] as const)
      scriptTrouble(actor.world, 'revoke', { kind: 'fail', code });
    await old(actor);
    scriptTrouble(actor.world, 'any', { kind: 'fail', code: 'ACCESS_DENIED' });
    await old(actor);
  }

  async function timingOut(): Promise<void> {
    const actor = await stage.actor('timing-out', 'generates', 'embedded', {}, { callTimeout: 300 });
    await old(actor);
    for (const operation of ['issue', 'verify', 'revoke'] as const)
      scriptTrouble(actor.world, operation, { kind: 'hang', when: 'after' });
    await old(actor);
  }

  async function escalated(): Promise<void> {
    const actor = await stage.actor('escalated', 'mints', 'embedded');
    await old(actor);
    for (const how of shapes) scriptTrouble(actor.world, 'revoke', { kind: 'leak', how });
    await stage.leak(actor);
    await stage.result(actor);
  }

  /** A real adapter, whose vendor's answers are cut inside the value, and whose error bodies tell secrets. */
  async function garbled(): Promise<void> {
    const none = { createSpread: 0, revokeSpread: 0, lateCreate: 0, usageLag: 0 };
    const settings = { project: 'proj_leaks', baseUrl: proxy.url, callTimeout: 5_000, ...none };
    const actor = await stage.actor('openai', 'openai', 'embedded', {}, settings);
    await openAi.faults({ secretInErrors: true });
    proxy.garble(2);
    await old(actor);
    await openAi.faults({ failNext: { operation: 'delete', count: 2, status: 500 } });
    await old(actor);
  }

  /** Killed while it holds a value that it has not staged yet. */
  async function crashing(): Promise<void> {
    const actor = await stage.actor('crashing', 'mints', 'embedded', {}, { callTimeout: 15_000 });
    await old(actor);
    scriptTrouble(actor.world, 'issue', { kind: 'hang', when: 'after' });
    await stage.rotate(actor);
    await until('the key is made', () => actor.world.change((state) => state.keys.length === 2), patience);
    await stage.killWorker();
    await stage.startWorker();
    await stage.result(actor);
  }
});
