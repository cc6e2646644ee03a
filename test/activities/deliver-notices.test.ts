import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { deliverNotices } from '../../activities/deliver-notices.ts';
import { KeybatonError } from '../../domain/errors.ts';
import type { Channel, Notice } from '../../domain/notice.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { openLedger } from '../../ledger/open.ts';
import { bot, days, entry, minutes } from '../ledger/fixtures.ts';
import { sqlitePlace } from '../ledger/places.ts';

const place = sqlitePlace();
beforeAll(() => place.start());
afterAll(() => place.stop());

let ledger: Ledger;
let time: number;
let room: Notice[];
let pager: Notice[];
/** What the room's channel throws next, first come first. */
let troubles: Error[];

beforeEach(async () => {
  time = Date.UTC(2026, 0, 1);
  [room, pager, troubles] = [[], [], []];
  ledger = await openLedger({ url: await place.fresh(), clock: () => time });
  await ledger.applyInventory({ teams: ['support'], entries: [entry()], targets: {}, actor: 'test' });
  await deliver();
});
afterEach(() => ledger.close());

const channels = (): readonly Channel[] => [
  {
    name: 'room',
    dropsRepeats: false,
    tells: () => true,
    async send(notice) {
      const trouble = troubles.shift();
      if (trouble !== undefined) throw trouble;
      room.push(notice);
      return { memory: undefined };
    },
  },
  {
    name: 'pager',
    dropsRepeats: true,
    tells: ({ page, kind }) => page || kind === 'alarm.cured',
    async send(notice) {
      pager.push(notice);
      return { memory: undefined };
    },
  },
];
const deliver = (told = channels()) =>
  deliverNotices({ ledger, channels: async () => told, now: () => time }, AbortSignal.timeout(60_000));
const raise = (text = 'held', key = 'held/1', page = true) => ledger.alarm({ credential: bot, key, text, page });
const kinds = (of: readonly Notice[]) => of.map(({ kind }) => kind);
const noted = async () =>
  (await ledger.history({ limit: 1_000 })).filter(({ kind }) => kind.startsWith('channel.')).map(({ kind }) => kind);

test('an alarm is told once when it is raised and once when it is over, with its team', async () => {
  await raise();
  expect(await deliver()).toEqual({ sent: 2, behind: [] });
  expect(await deliver()).toEqual({ sent: 0, behind: [] });
  await ledger.cure({ credential: bot, keyPrefix: 'held/' });
  await deliver();
  expect(kinds(room)).toEqual(['alarm.raised', 'alarm.cured']);
  expect(kinds(pager)).toEqual(['alarm.raised', 'alarm.cured']);
  expect(room[0]).toMatchObject({ team: 'support', credential: bot, about: `alarm/${bot}/held/1` });
});

test('a new text of an alarm that stands reaches only those who drop repeats, under the same key', async () => {
  await raise('held: two consumers are missing');
  await deliver();
  time += minutes(5);
  await raise('held: one consumer is missing');
  await deliver();
  expect(kinds(room)).toEqual(['alarm.raised']);
  expect(new Set(pager.map(({ key }) => key)).size).toBe(1);
});

test('an alarm that comes back after its cure is another one', async () => {
  await raise();
  await deliver();
  await ledger.cure({ credential: bot, keyPrefix: 'held/' });
  time += minutes(5);
  await raise();
  await deliver();
  expect(kinds(room)).toEqual(['alarm.raised', 'alarm.cured', 'alarm.raised']);
  expect(new Set(room.map(({ key }) => key)).size).toBe(3);
});

test('a reminder of an alarm that stands is told to everybody', async () => {
  await raise();
  await deliver();
  time += minutes(61);
  await ledger.remindAlarm({ credential: bot, key: 'held/1', count: 1, nextAt: time + minutes(240) });
  await deliver();
  expect(room.map(({ headline }) => headline)).toEqual([
    `${bot}: the rotation is held: nothing is revoked`,
    `${bot}: still: the rotation is held: nothing is revoked`,
  ]);
  expect(pager).toHaveLength(2);
});

test('a channel that is down is told later, in order, and nobody else waits for it', async () => {
  troubles = [new KeybatonError('UNAVAILABLE', 'down')];
  await raise('a', 'held/1');
  await raise('b', 'debt/1');
  expect(await deliver()).toEqual({ sent: 2, behind: [{ channel: 'room', code: 'UNAVAILABLE' }] });
  expect([room.length, pager.length]).toEqual([0, 2]);
  await deliver();
  expect(room.map(({ about }) => about)).toEqual([`alarm/${bot}/held/1`, `alarm/${bot}/debt/1`]);
  expect(pager).toHaveLength(2);
});

test('that a channel fails is noted once, and once that it is well again', async () => {
  troubles = Array.from({ length: 3 }, () => new KeybatonError('ACCESS_DENIED', 'no'));
  await raise();
  for (let attempt = 0; attempt < 3; attempt += 1) await deliver();
  expect(await noted()).toEqual(['channel.failing']);
  await deliver();
  expect(await noted()).toEqual(['channel.failing', 'channel.well']);
  expect(kinds(room)).toEqual(['alarm.raised']);
});

test('a notice that a channel will never take is passed over, and the next one is told', async () => {
  troubles = [new KeybatonError('INVALID_CONFIG', 'bad')];
  await raise('a', 'held/1');
  await raise('b', 'debt/1');
  await deliver();
  await deliver();
  expect(room.map(({ about }) => about)).toEqual([`alarm/${bot}/debt/1`]);
});

test('a channel that is added is told of what happens from now on', async () => {
  await raise();
  const late: Notice[] = [];
  const added: Channel = {
    name: 'late',
    dropsRepeats: false,
    tells: () => true,
    send: async (notice) => (late.push(notice), { memory: undefined }),
  };
  await deliver([...channels(), added]);
  expect(late).toEqual([]);
  await ledger.cure({ credential: bot, keyPrefix: 'held/' });
  await deliver([...channels(), added]);
  expect(kinds(late)).toEqual(['alarm.cured']);
});

test('after days without telling, what is over is not told as if it were now', async () => {
  await raise();
  await ledger.cure({ credential: bot, keyPrefix: 'held/' });
  await raise('b', 'debt/1');
  time += days(3);
  await deliver();
  expect(room.map(({ kind, about }) => [kind, about])).toEqual([
    ['alarm.cured', `alarm/${bot}/held/1`],
    ['alarm.raised', `alarm/${bot}/debt/1`],
  ]);
});

test('an ended rotation that changed something is told, one that failed is not', async () => {
  const end = async (run: string, outcome: 'rotated' | 'failed') => {
    await ledger.startRun({ credential: bot, run, reason: 'due', actor: 'test' });
    await ledger.endRun({ credential: bot, run, outcome, why: 'because' });
  };
  await end('run-1', 'failed');
  await end('run-2', 'rotated');
  await deliver();
  expect(room.map(({ key }) => key)).toEqual([`rotation/${bot}/run-2`]);
});

test('thousands of events are gone through in bounded pages, and a quiet minute writes nothing', async () => {
  for (let n = 0; n < 450; n += 1) await ledger.note({ kind: 'test.event', actor: 'test', body: { n } });
  await raise();
  await deliver();
  expect(kinds(room)).toEqual(['alarm.raised']);
  const before = (await ledger.history({ limit: 1 })).at(-1)?.n;
  await deliver();
  expect((await ledger.history({ limit: 1 })).at(-1)?.n).toBe(before);
});
