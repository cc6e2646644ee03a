import { describe, expect, it } from 'vitest';
import { judge, type Seen } from '../../../scripts/storm/verdict.ts';
import { trendOf } from '../../../scripts/storm/trend.ts';

const flat = { samples: 100, minutes: 40, first: 2e8, last: 2e8, perMinute: 0, grown: 0 };
const fewHandles = { samples: 100, minutes: 40, first: 40, last: 40, perMinute: 0, grown: 0 };
const rotated = (credential: string, run: string) => ({ credential, run, outcome: 'rotated', helped: false });

/** A storm in which every promise was kept. */
const kept: Seen = {
  rotations: Array.from({ length: 1_001 }, (_, index) => rotated('openai/storm/job-01', `${index}`)),
  refusals: [],
  queries: 10_000,
  incidents: [{ incident: 'i1', credentials: ['openai/storm/leaky-1'], from: 1_000, closedAt: 20_000 }],
  memory: { worker: flat },
  handles: { worker: fewHandles },
  tables: [
    { table: 'events', first: 100, last: 90_000, rotations: 1_000, ofLedger: true },
    { table: 'vault.main', first: 15, last: 15, rotations: 1_000, ofLedger: false },
  ],
  restless: [],
  live: [{ credential: 'openai/storm/job-01', current: 'kb1', live: ['kb1'], removed: false }],
  strays: [],
  idle: [],
  chainWhole: true,
  failedCommands: [],
};

const broken = (change: Partial<Seen>): readonly string[] =>
  judge({ ...kept, ...change })
    .filter((one) => !one.kept)
    .map(({ promise }) => promise);

const refusal = {
  credential: 'openai/storm/leaky-1',
  consumer: 'leaky-1',
  kind: 'retried',
  code: undefined,
  count: 1,
} as const;

describe('the verdict on a storm', () => {
  it('is that every promise was kept when it was', () => {
    expect(broken({})).toEqual([]);
  });

  it.each([
    ['a refusal of a credential that never leaked', [{ ...refusal, credential: 'openai/storm/assistant', at: 5_000 }]],
    ['a refusal before the incident', [{ ...refusal, at: 999 }]],
    ['a refusal long after the incident was closed', [{ ...refusal, at: 26_000 }]],
  ])('breaks at %s', (_, refusals) => {
    expect(broken({ refusals })).toEqual(['no application is refused by a scheduled rotation']);
  });

  it('lets an application be refused while its leaked key is killed', () => {
    expect(broken({ refusals: [{ ...refusal, at: 5_000 }] })).toEqual([]);
  });

  it.each([
    ['failed', 'failed'],
    ['never ended', undefined],
    ['was left with a debt', 'indebted'],
  ])('breaks when one rotation in 999 %s', (_, outcome) => {
    const rotations = [...kept.rotations.slice(0, 998), { ...rotated('openai/storm/job-01', 'last'), outcome }];
    expect(broken({ rotations })).toEqual(['more than 99.9 % of rotations end by themselves']);
  });

  it('lets a process settle for ten minutes, and not for ever', () => {
    const grown = { ...flat, grown: 7e7 };
    expect(broken({ memory: { worker: { ...grown, minutes: 5 } } })).toEqual([]);
    expect(broken({ memory: { worker: grown } })).not.toEqual([]);
    expect(broken({ memory: { worker: { ...flat, minutes: 1, grown: 2e8 } } })).toEqual([]);
    expect(broken({ memory: { worker: { ...flat, minutes: 1, grown: 3e8 } } })).not.toEqual([]);
  });

  it('allows one in more than a thousand, and counts none that a person let go on', () => {
    const other = { ...rotated('openai/storm/job-01', 'last'), outcome: 'failed' };
    expect(broken({ rotations: [...kept.rotations, other] })).toEqual([]);
    expect(broken({ rotations: [other, { ...rotated('openai/storm/careful', 'one'), helped: true }] })).not.toEqual([]);
  });

  it('breaks when there was no rotation at all', () => {
    expect(broken({ rotations: [] })).toEqual(['more than 99.9 % of rotations end by themselves']);
  });

  it.each<[string, Partial<Seen>]>([
    [
      'every incident closes by itself',
      { incidents: [{ incident: 'i', credentials: [], from: 1, closedAt: undefined }] },
    ],
    ['memory of worker: flat', { memory: { worker: { ...flat, grown: 7e7 } } }],
    ['memory of worker: flat', { memory: { worker: undefined } }],
    ['open handles of worker: flat', { handles: { worker: { ...fewHandles, grown: 13 } } }],
    [
      'no table grows but the ledger',
      { tables: [{ table: 'vault.staged', first: 15, last: 115, rotations: 1_000, ofLedger: false }] },
    ],
    ['everything comes to rest', { restless: ['openai/storm/job-01 rotates'] }],
    [
      'at rest each credential has one live key, the current one',
      { live: [{ credential: 'a', current: 'kb1', live: ['kb1', 'kb2'], removed: false }] },
    ],
    [
      'at rest each credential has one live key, the current one',
      { live: [{ credential: 'a', current: 'kb1', live: ['kb2'], removed: false }] },
    ],
    [
      'at rest each credential has one live key, the current one',
      { live: [{ credential: 'a', current: undefined, live: ['kb1'], removed: true }] },
    ],
    ['at rest no stray lives at a provider', { strays: ['key_1 (kb9)'] }],
    ['at rest every application works', { idle: ['shop'] }],
    ['the chain of the ledger is whole', { chainWhole: false }],
    ['no command fails but by a conflict', { failedCommands: ['keybaton rotate ended with 1'] }],
  ])('breaks "%s"', (promise, change) => {
    expect(broken(change)).toEqual([promise]);
  });
});

describe('a trend', () => {
  const series = (value: (minute: number) => number) =>
    Array.from({ length: 600 }, (_, second) => ({ at: second * 1_000, value: value(second / 60) }));

  it('sees a leak under the teeth of a garbage collector', () => {
    const found = trendOf(series((minute) => 200 + 10 * minute + 50 * ((minute * 7) % 1)));
    expect(found?.perMinute).toBeCloseTo(10, 0);
    expect(found?.grown).toBeGreaterThan(55);
  });

  it('sees none where only the teeth are', () => {
    expect(Math.abs(trendOf(series((minute) => 200 + 50 * ((minute * 7) % 1)))?.grown ?? 99)).toBeLessThan(5);
  });

  it('leaves out what warms up in the first third', () => {
    expect(Math.abs(trendOf(series((minute) => Math.min(200, 50 * minute)))?.grown ?? 99)).toBeLessThan(1);
  });

  it('says nothing of a few samples', () => {
    expect(trendOf(series(() => 1).slice(0, 3))).toBeUndefined();
  });
});
