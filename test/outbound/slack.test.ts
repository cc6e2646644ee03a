import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { parseVersionId } from '../../domain/identifiers.ts';
import { slackChannel } from '../../outbound/slack.ts';
import type { FakeMessage, SlackSettings } from '../fakes/slack/server.ts';
import { type RunningFake, startFake } from '../fakes/start.ts';
import { errorOf } from './local-server.ts';
import { alarm, call, credential, credentialOf, declaredAt, everything, told } from './notices.ts';

let slack: RunningFake<SlackSettings>;
beforeAll(async () => {
  slack = await startFake<SlackSettings>('slack');
});
afterEach(async () => {
  await slack.reset();
  await slack.control('POST', '/forget');
});
afterAll(() => slack?.stop());

const options = { name: 'room', tells: everything };
const room = (token = slack.adminKey, channel = 'C0INCIDENTS') =>
  slackChannel({ ...options, address: slack.url, channel, credential: credentialOf(token) });
const messages = async () => (await slack.control('GET', '/messages')) as FakeMessage[];
const texts = async () => JSON.stringify(await messages());

test('an incident is one message, edited in place, with its timeline in the thread', async () => {
  let memory: string | undefined;
  for (const notice of [
    told({ kind: 'declared' }),
    told({ kind: 'moment', moment: 'contained' }, { contained: 2, reached: { contained: declaredAt + 4_000 } }),
    told({ kind: 'closed' }, { dead: 2, open: [], closed: true }),
  ]) {
    // A restart between two notices: nothing but the memory is left of the one before.
    ({ memory } = await room().send(notice, memory, call()));
  }
  const [root, ...thread] = await messages();
  expect(root).toMatchObject({ edits: 2 });
  expect(root?.thread).toBeUndefined();
  expect(root?.body.text).toContain('closed');
  expect(thread.map(({ thread: below }) => below)).toEqual([root?.ts, root?.ts]);
  expect(thread[0]?.body.text).toContain('every key is revoked at its provider');
});

test('the same notice again edits the message and adds no row to the timeline', async () => {
  const { memory } = await room().send(told({ kind: 'declared' }), undefined, call());
  const notice = told({ kind: 'page', share: 0.5 });
  const again = await room().send(notice, memory, call());
  await room().send(notice, again.memory, call());
  expect((await messages()).map(({ thread, edits }) => [thread !== undefined, edits])).toEqual([
    [false, 2],
    [true, 0],
  ]);
});

test('a message that somebody deleted is told anew', async () => {
  const { memory } = await room().send(told({ kind: 'declared' }), undefined, call());
  await slack.control('POST', '/forget');
  const after = await room().send(told({ kind: 'page', share: 0.5 }), memory, call());
  expect(await messages()).toHaveLength(1);
  expect(after.memory).not.toBe(memory);
});

test('the message names keys, clock and the next command', async () => {
  await room().send(told({ kind: 'declared' }), undefined, call());
  const text = await texts();
  expect(text).toContain(`${credential}, kb${'a'.repeat(30)}, revoked, not yet dead`);
  expect(text).toContain('clock: 20 s of 15 min');
  expect(text).toContain('contained: not yet (planned: 2 min)');
  expect(text).toContain('next: `keybaton incident watch inc-1`');
});

test('thousands of keys stay within the limits of a message', async () => {
  const key = (n: number) => ({
    credential,
    version: parseVersionId(`kb${String(n).padStart(30, '0')}`),
    state: 'not contained' as const,
    why: 'x'.repeat(5_000),
    again: undefined,
    person: false,
  });
  const open = Array.from({ length: 50 }, (_, n) => key(n));
  await room().send(told({ kind: 'declared' }, { keys: 5_000, open, more: 4_950 }), undefined, call());
  expect(await texts()).toContain('and 4980 more');
});

test('an incoming webhook takes each notice as a message of its own', async () => {
  const { webhookPath } = { webhookPath: '/services/T0/B0/first' };
  const hook = slackChannel({
    ...options,
    address: slack.url,
    channel: undefined,
    credential: credentialOf(`${slack.url}${webhookPath}`),
  });
  const first = await hook.send(told({ kind: 'declared' }), undefined, call());
  await hook.send(told({ kind: 'closed' }), first.memory, call());
  expect((await messages()).map(({ through }) => through)).toEqual(['webhook', 'webhook']);
});

test('an incoming webhook that is gone is said without its address', async () => {
  const hook = slackChannel({
    ...options,
    address: slack.url,
    channel: undefined,
    credential: credentialOf(`${slack.url}/services/T0/B0/secret-part`),
  });
  const error = await errorOf(hook.send(alarm(), undefined, call()));
  expect(error.code).toBe('ACCESS_DENIED');
  expect(`${error.message}${error.stack}`).not.toContain('secret-part');
});

test.each([
  ['ACCESS_DENIED', 'xoxb-wrong', 'C0INCIDENTS'],
  ['NOT_FOUND', undefined, 'C0OTHER'],
] as const)('a word of refusal inside a 200 is %s', async (code, token, channel) => {
  expect((await errorOf(room(token, channel).send(alarm(), undefined, call()))).code).toBe(code);
});

test('429 is told with the time Slack asks for', async () => {
  await slack.faults({ failNext: { count: 1, status: 429, retryAfter: '12' } });
  expect(await errorOf(room().send(alarm(), undefined, call()))).toMatchObject({
    code: 'RATE_LIMITED',
    retryAfter: 12_000,
  });
});
