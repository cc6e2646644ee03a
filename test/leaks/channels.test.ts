import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { alarmNotice, rotationNotice, type Channel, type Notice } from '../../domain/notice.ts';
import { pagerDutyChannel } from '../../outbound/pager-duty.ts';
import { slackChannel } from '../../outbound/slack.ts';
import { webhookChannel } from '../../outbound/webhook.ts';
import { noticeOf } from '../../activities/ledger-notice.ts';
import { type RunningFake, startFake } from '../fakes/start.ts';
import {
  allNotices,
  call,
  clock,
  credential,
  credentialOf,
  declaredAt,
  everything,
  told,
  version,
} from '../outbound/notices.ts';
import { search } from '../../scripts/leak-hunt/search.ts';

/** As providers make them, and one that is nothing but letters: no pattern would know it. */
const canaries = [
  `sk-proj-${randomBytes(36).toString('base64url')}`,
  `kb1:p1:${randomBytes(32).toString('hex')}`,
  [...randomBytes(24)].map((byte) => String.fromCharCode(97 + (byte % 26))).join(''),
];
const leaking = `POST failed: {"authorization":"Bearer ${canaries.join(' ')}"}`;

let fakes: { pager: RunningFake<unknown>; slack: RunningFake<unknown>; receiver: RunningFake<unknown> };
beforeAll(async () => {
  const [pager, slack, receiver] = await Promise.all([
    startFake('pager-duty'),
    startFake('slack'),
    startFake('webhook-receiver'),
  ]);
  fakes = { pager, slack, receiver };
});
afterAll(() => Promise.all(Object.values(fakes ?? {}).map((fake) => fake.stop())));

const channels = (): readonly Channel[] => {
  const { pager, slack, receiver } = fakes;
  const common = { name: 'channel', tells: everything };
  return [
    pagerDutyChannel({ ...common, address: pager.url, credential: credentialOf(pager.adminKey) }),
    slackChannel({ ...common, address: slack.url, channel: 'C0INCIDENTS', credential: credentialOf(slack.adminKey) }),
    webhookChannel({ ...common, url: `${receiver.url}/hook`, credential: credentialOf(receiver.adminKey) }),
  ];
};

/** Everything that has arrived anywhere. */
async function captured(): Promise<string> {
  const { pager, slack, receiver } = fakes;
  return JSON.stringify([
    await pager.control('GET', '/bodies'),
    await slack.control('GET', '/messages'),
    await receiver.control('GET', '/bodies'),
  ]);
}

/** Notices made of facts whose every free text leaks. */
function leakingNotices(): readonly Notice[] {
  const change = {
    scope: `credential ${leaking}`,
    open: [
      { credential, version, state: 'not contained' as const, why: leaking, again: undefined, person: true },
      { credential, version, state: 'not replaced' as const, why: leaking, again: undefined, person: false },
    ],
  };
  const event = (kind: string, body: Record<string, unknown>) =>
    noticeOf(
      { n: 9, at: declaredAt, actor: leaking, kind, credential, version, epoch: 1, incident: undefined, body },
      { team: 'support', standing: undefined },
    );
  const ofEvents = [
    event('alarm.raised', { key: 'effect/issuing', text: leaking, page: true }),
    event('alarm.raised', { key: `unheard-of`, text: leaking, page: false }),
    event('alarm.cured', { key: 'effect/issuing' }),
    event('rotation.ended', { run: 'r', outcome: 'rotated', why: leaking, attempts: 0, nextAttemptAt: null }),
  ].filter((notice) => notice !== undefined);
  return [
    ...allNotices(change),
    told({ kind: 'declared' }, { ...change, drill: true }),
    ...ofEvents,
    alarmNotice({ credential, team: 'support', alarm: 'debt/1', at: declaredAt, since: 1, page: true, reminder: 3 }),
    rotationNotice({ credential, team: undefined, at: declaredAt, run: 'run-2', outcome: 'failed' }),
  ];
}

test('no text of an error, an alarm or a person reaches a pager, a chat or a webhook', async () => {
  const notices = leakingNotices();
  for (const channel of channels()) {
    let memory: string | undefined;
    for (const notice of notices) if (channel.tells(notice)) ({ memory } = await channel.send(notice, memory, call()));
  }
  const text = await captured();
  // All of them arrived: an empty capture would prove nothing.
  expect(text.match(/needs attention/g)?.length).toBeGreaterThanOrEqual(3);
  expect(text).toContain(`"limitSeconds":${clock / 1_000}`);
  expect(search({ name: 'bodies', bytes: [Buffer.from(text)] }, canaries)).toEqual([]);
});

test('the search finds a value that is planted in such a body', async () => {
  const planted = (await captured()).replace('needs attention', canaries[0] ?? '');
  expect(search({ name: 'bodies', bytes: [Buffer.from(planted)] }, canaries)).not.toEqual([]);
});
