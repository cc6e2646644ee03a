import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { declareEmergency } from '../../../control/operations/emergency.ts';
import type { EmergencyScope } from '../../../control/operations/emergency-scope.ts';
import { blastRadius } from '../../../control/operations/emergency-blast.ts';
import { KeybatonError } from '../../../domain/errors.ts';
import type { Bench } from '../bench.ts';
import { ads, bot } from '../emergency-inventory.ts';
import { declareAt, openEmergencies, resolveAt, sheetOf } from './emergency-rig.ts';

let bench: Bench;
let made: Awaited<ReturnType<typeof openEmergencies>>['made'];

beforeEach(async () => {
  ({ bench, made } = await openEmergencies());
});
afterEach(() => bench.close());

const resolve = (scope: Partial<EmergencyScope>) => resolveAt(bench, scope);
const declare = (...given: Parameters<typeof declareAt> extends [unknown, ...infer Rest] ? Rest : never) =>
  declareAt(bench, ...given);

describe('the blast radius', () => {
  test('names keys, consumers, dependents in order, and what each policy does and when', async () => {
    const resolved = await resolve({ credentials: [bot] });
    expect(await blastRadius(bench.incidents.ports, resolved)).toMatchObject({
      source: 'ledger',
      keys: [{ credential: bot, version: made.bot, fate: 'current', policy: 'revoke-first', killIn: 0 }],
      policies: [{ policy: 'revoke-first', keys: 1, what: expect.stringContaining('killed at once') }],
      consumers: ['batch', 'web'],
      dependents: [ads],
      mustCount: false,
    });
  });

  test('from the kill sheet says what it does not know', async () => {
    bench.incidents.ledgerDown = new KeybatonError('UNAVAILABLE', 'locked');
    bench.incidents.sheet = sheetOf(made.bot);
    const resolved = await resolve({ credentials: [bot] });
    expect(await blastRadius(bench.incidents.ports, resolved)).toMatchObject({ consumers: null, dependents: null });
  });

  test('shows how a person kills what no API can', async () => {
    const resolved = await resolve({ credentials: [bot] });
    const [one] = resolved.versions;
    if (one === undefined) throw new Error('nothing resolved');
    const byHand = await blastRadius(bench.incidents.ports, { ...resolved, versions: [{ ...one, onlyByHand: true }] });
    expect(byHand.byHand).toEqual([
      { credential: bot, version: made.bot, text: expect.arrayContaining([`console of ${made.bot}`]) },
    ]);
    expect(byHand.policies).toEqual([]);
  });
});

describe('a declaration', () => {
  test('is on disk before Temporal hears of it, and the ledger marks the versions beside it', async () => {
    const declared = await declare(await resolve({ credentials: [bot] }));
    expect([declared.how, declared.troubles, bench.incidents.order[0]]).toEqual(['temporal', [], 'journal']);
    expect(bench.incidents.order).toContain('temporal');
    expect((await bench.ledger.facts(bot)).versions[0]?.compromised).toBe(true);
  });

  test('is written into the ledger once a worker has answered: the writing would keep this thread from hearing him', async () => {
    const order: string[] = [];
    const { ports } = bench.incidents;
    const resolved = await resolve({ credentials: [bot] });
    const watched: typeof ports = {
      ...ports,
      ledger: async () => (order.push('ledger'), ports.ledger()),
      incidents: {
        ...ports.incidents,
        progress: async (incident) => {
          await wait(100);
          order.push('worker');
          return ports.incidents.progress(incident);
        },
      },
    };
    const signal = new AbortController().signal;
    await declareEmergency(watched, { resolved, who: 'os:ada', why: 'test', direct: false, count: undefined, signal });
    expect(order).toEqual(['worker', 'ledger']);
  });

  test('that Temporal does not take is killed by this process, and says why', async () => {
    bench.incidents.temporalDown = new KeybatonError('UNAVAILABLE', 'Temporal does not answer at 127.0.0.1:7233');
    const declared = await declare(await resolve({ credentials: [bot] }));
    expect(declared).toMatchObject({
      how: 'direct',
      progress: { keys: 1, dead: 1 },
      imported: [declared.incident],
      troubles: ['killing from this process: Temporal does not answer at 127.0.0.1:7233'],
    });
    expect(bench.incidents.killed[0]?.versions.map(({ version }) => version)).toEqual([made.bot]);
  });

  test('that Temporal takes and no worker answers for is killed by this process too', async () => {
    bench.incidents.noWorker = new KeybatonError('UNAVAILABLE', 'no worker answers for it');
    const declared = await declare(await resolve({ credentials: [bot] }));
    expect(declared).toMatchObject({
      how: 'direct',
      progress: { dead: 1 },
      troubles: ['killing from this process: Temporal has it, and no worker answers (no worker answers for it)'],
    });
    expect([bench.incidents.declared.length, bench.incidents.killed.length]).toEqual([1, 1]);
  });

  test('with --direct asks no Temporal', async () => {
    await declare(await resolve({ credentials: [bot] }), { direct: true });
    expect([bench.incidents.order.includes('temporal'), bench.incidents.killed.length]).toEqual([false, 1]);
  });

  test('waits for neither a ledger that hangs nor a full disk', async () => {
    const resolved = await resolve({ credentials: [bot] });
    bench.incidents.ledgerDown = 'hangs';
    bench.incidents.diskDown = new KeybatonError('CAPACITY_EXHAUSTED', 'the disk is full');
    const declared = await declare(resolved, { direct: true });
    expect([declared.progress?.dead, declared.troubles]).toEqual([
      1,
      [
        "the declaration is not on this machine's disk: the disk is full",
        expect.stringContaining('not in the ledger yet (keybaton incident import'),
      ],
    ]);
  });

  test('of more than 25 keys is refused until the count is typed, and with another count', async () => {
    const resolved = await resolve({ credentials: [bot] });
    const [one] = resolved.versions;
    if (one === undefined) throw new Error('nothing resolved');
    const many = { ...resolved, versions: Array.from({ length: 26 }, () => one) };
    await expect(declare(many)).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining('say --count 26'),
    });
    await expect(declare(many, { count: 25 })).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
    expect(bench.incidents.order).toEqual([]);
    expect((await declare(many, { count: 26 })).keys).toBe(26);
  });

  test('of 600 keys travels in three parts', async () => {
    const resolved = await resolve({ credentials: [bot] });
    const [one] = resolved.versions;
    if (one === undefined) throw new Error('nothing resolved');
    await declare({ ...resolved, versions: Array.from({ length: 600 }, () => one) }, { count: 600 });
    const [declared] = bench.incidents.declared;
    expect([declared?.declaration.parts, declared?.parts.map((part) => [part.part, part.versions.length])]).toEqual([
      3,
      [
        [0, 250],
        [1, 250],
        [2, 100],
      ],
    ]);
  });
});
