import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { alarmNotice, type Notice } from '../../domain/notice.ts';
import { pagerDutyChannel } from '../../outbound/pager-duty.ts';
import type { FakeAlert, PagerDutySettings } from '../fakes/pager-duty/server.ts';
import { type RunningFake, startFake } from '../fakes/start.ts';
import { errorOf } from './local-server.ts';
import { alarm, call, credential, credentialOf, cured, everything, rotated, told } from './notices.ts';

let pager: RunningFake<PagerDutySettings>;
beforeAll(async () => {
  pager = await startFake<PagerDutySettings>('pager-duty');
});
afterEach(async () => {
  await pager.reset();
  await pager.control('POST', '/forget');
});
afterAll(() => pager?.stop());

const channel = (key = pager.adminKey) =>
  pagerDutyChannel({ name: 'on-call', tells: everything, address: pager.url, credential: credentialOf(key) });
const send = async (...notices: readonly Notice[]) => {
  for (const notice of notices) await channel().send(notice, undefined, call());
};
const alerts = async () => (await pager.control('GET', '/alerts')) as FakeAlert[];
// Bodies are what the vendor's page says; the fake has checked them.
const bodies = async () => (await pager.control('GET', '/bodies')) as { event_action?: string; payload?: object }[];

test('an incident is one alert under its own name, and a repeat of the declaration opens no other', async () => {
  await send(told({ kind: 'declared' }), told({ kind: 'declared' }));
  expect(await alerts()).toMatchObject([
    { dedupKey: 'incident/inc-1', status: 'triggered', opened: 1, severity: 'critical' },
  ]);
});

test('each page of the clock wakes somebody, also when the incident is acknowledged', async () => {
  await send(told({ kind: 'declared' }), told({ kind: 'taken' }), told({ kind: 'page', share: 0.8 }));
  expect(await alerts()).toMatchObject([
    { dedupKey: 'incident/inc-1', status: 'acknowledged' },
    { dedupKey: 'incident/inc-1/page-80', status: 'triggered' },
  ]);
});

test('closing an incident resolves it and every page of it', async () => {
  await send(
    told({ kind: 'declared' }),
    told({ kind: 'page', share: 0.5 }),
    told({ kind: 'failed', step: 'dead' }),
    told({ kind: 'closed' }),
  );
  expect((await alerts()).map(({ status }) => status)).toEqual(['resolved', 'resolved', 'resolved']);
});

test('an alarm opens under its key and resolves when it is cured', async () => {
  await send(alarm());
  expect(await alerts()).toMatchObject([{ dedupKey: `alarm/${credential}/held/7`, status: 'triggered' }]);
  await send(cured());
  expect(await alerts()).toMatchObject([{ status: 'resolved' }]);
});

test('a normal rotation is a change, never an alert', async () => {
  await send(rotated());
  expect(await alerts()).toEqual([]);
  expect(await bodies()).toMatchObject([{ payload: { source: 'keybaton', custom_details: { credential } } }]);
});

test('a moment that is reached tells the pager nothing', () => {
  expect(channel().tells(told({ kind: 'moment', moment: 'dead' }))).toBe(false);
  expect(channel().tells(told({ kind: 'page', share: 1 }))).toBe(true);
});

test('names longer than the limits are shortened, and different ones stay different', async () => {
  const long = (end: string) =>
    alarmNotice({
      credential,
      team: undefined,
      alarm: `held/${'x'.repeat(400)}${end}`,
      at: 1,
      since: 1,
      page: true,
      reminder: 0,
    });
  await send(long('a'), long('b'));
  const seen = await alerts();
  expect(seen).toHaveLength(2);
  for (const { dedupKey } of seen) expect(dedupKey.length).toBeLessThanOrEqual(255);
});

test('429 is told with the time PagerDuty asks for', async () => {
  await pager.faults({ failNext: { count: 1, status: 429, retryAfter: '30' } });
  expect(await errorOf(channel().send(alarm(), undefined, call()))).toMatchObject({
    code: 'RATE_LIMITED',
    retryAfter: 30_000,
  });
});

test('a wrong routing key is said once and for all, without the key', async () => {
  const error = await errorOf(channel('f'.repeat(32)).send(alarm(), undefined, call()));
  expect(error.code).toBe('INVALID_CONFIG');
  expect(error.message).toBe('channel on-call does not accept what it is sent: see `notify:` in targets.yml');
});
