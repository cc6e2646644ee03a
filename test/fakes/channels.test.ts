import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createHmac } from 'node:crypto';
import type { FakeAlert, PagerDutySettings } from './pager-duty/server.ts';
import { bearer, rawClient } from './raw-client.ts';
import type { FakeMessage, SlackSettings } from './slack/server.ts';
import { type RunningFake, startFake } from './start.ts';
import type { ReceiverSettings } from './webhook-receiver/server.ts';

let pager: RunningFake<PagerDutySettings>;
let slack: RunningFake<SlackSettings>;
let receiver: RunningFake<ReceiverSettings>;
beforeAll(async () => {
  [pager, slack, receiver] = await Promise.all([
    startFake<PagerDutySettings>('pager-duty'),
    startFake<SlackSettings>('slack'),
    startFake<ReceiverSettings>('webhook-receiver'),
  ]);
});
afterEach(async () => {
  for (const fake of [pager, slack, receiver]) {
    await fake.reset();
    await fake.control('POST', '/forget');
  }
});
afterAll(() => Promise.all([pager?.stop(), slack?.stop(), receiver?.stop()]));

describe("the pager's fake", () => {
  const send = (body: object, path = '/v2/enqueue') =>
    rawClient(pager.url, {})('POST', path, { routing_key: pager.adminKey, ...body });
  const payload = { summary: 'down', source: 'here', severity: 'critical', timestamp: '2026-11-22T03:00:00Z' };
  const alerts = async () => (await pager.control('GET', '/alerts')) as FakeAlert[];

  test('opens, acknowledges, resolves and opens anew under one dedup key', async () => {
    const trigger = { event_action: 'trigger', dedup_key: 'one', payload };
    expect(await send(trigger)).toMatchObject({ status: 202, body: { status: 'success', dedup_key: 'one' } });
    await send(trigger);
    expect(await alerts()).toMatchObject([{ status: 'triggered', opened: 1 }]);
    await send({ event_action: 'acknowledge', dedup_key: 'one' });
    await send(trigger);
    expect(await alerts()).toMatchObject([{ status: 'acknowledged', opened: 1 }]);
    await send({ event_action: 'resolve', dedup_key: 'one' });
    await send(trigger);
    expect(await alerts()).toMatchObject([{ status: 'triggered', opened: 2 }]);
  });

  test('takes the resolving of what was never open, and changes nothing', async () => {
    expect((await send({ event_action: 'resolve', dedup_key: 'never' })).status).toBe(202);
    expect(await alerts()).toEqual([]);
  });

  test.each([
    ['another routing key', { routing_key: '0'.repeat(32), event_action: 'trigger', payload }],
    ['an action it does not know', { event_action: 'open', payload }],
    ['a long summary', { event_action: 'trigger', payload: { ...payload, summary: 'x'.repeat(1025) } }],
    ['a long dedup key', { event_action: 'trigger', dedup_key: 'x'.repeat(256), payload }],
    ['a severity it does not know', { event_action: 'trigger', payload: { ...payload, severity: 'bad' } }],
    ['an acknowledgement of nothing', { event_action: 'acknowledge' }],
  ])('refuses %s', async (_what, body) => {
    expect((await send(body)).status).toBe(400);
  });

  test('takes change events beside alerts', async () => {
    expect((await send({ payload: { summary: 'rotated' } }, '/v2/change/enqueue')).status).toBe(202);
    expect((await send({ payload: {} }, '/v2/change/enqueue')).status).toBe(400);
  });
});

describe("the chat's fake", () => {
  const say = (method: string, body: object, key = slack.adminKey) =>
    rawClient(slack.url, bearer(key))('POST', `/api/${method}`, { channel: 'C0INCIDENTS', ...body });
  const messages = async () => (await slack.control('GET', '/messages')) as FakeMessage[];

  test('posts a message, edits it in place, and keeps a thread below it', async () => {
    const { ts } = (await say('chat.postMessage', { text: 'first' })).body;
    expect((await say('chat.update', { ts, text: 'second' })).body.ok).toBe(true);
    expect((await say('chat.postMessage', { thread_ts: ts, text: 'row' })).body.ok).toBe(true);
    expect(await messages()).toMatchObject([
      { ts, edits: 1, body: { text: 'second' } },
      { thread: ts, body: { text: 'row' } },
    ]);
  });

  test.each([
    ['invalid_auth', 'chat.postMessage', { text: 'a' }, 'xoxb-other'],
    ['channel_not_found', 'chat.postMessage', { text: 'a', channel: 'C1' }, undefined],
    ['message_not_found', 'chat.update', { text: 'a', ts: '1.1' }, undefined],
    ['no_text', 'chat.postMessage', {}, undefined],
    ['invalid_blocks', 'chat.postMessage', { blocks: Array(51).fill({ type: 'divider' }) }, undefined],
    [
      'invalid_blocks',
      'chat.postMessage',
      { blocks: [{ type: 'section', text: { type: 'mrkdwn', text: 'x'.repeat(3001) } }] },
      undefined,
    ],
  ])('says %s with 200', async (error, method, body, key) => {
    expect(await say(method, body, key)).toMatchObject({ status: 200, body: { ok: false, error } });
  });

  test('takes a message at its incoming webhook and answers with a word that is no JSON', async () => {
    const post = (path: string) => fetch(`${slack.url}${path}`, { method: 'POST', body: '{"text":"a"}' });
    expect(await (await post('/services/T0/B0/first')).text()).toBe('ok');
    expect((await post('/services/T0/B0/other')).status).toBe(403);
    expect(await messages()).toMatchObject([{ through: 'webhook' }]);
  });
});

describe("the webhook receiver's fake", () => {
  const event = { specversion: '1.0', id: '1', source: '/here', type: 'a.b', data: {} };
  const post = (body: string, headers: Record<string, string>) =>
    fetch(`${receiver.url}/hook`, { method: 'POST', body, headers });
  const signed = (body: string, at = Math.floor(Date.now() / 1_000)) => {
    const key = Buffer.from(receiver.adminKey.slice('whsec_'.length), 'base64');
    const signature = createHmac('sha256', key).update(`m1.${at}.${body}`).digest('base64');
    return { 'webhook-id': 'm1', 'webhook-timestamp': String(at), 'webhook-signature': `v1,AAAA v1,${signature}` };
  };

  test('takes what is signed, also beside another signature', async () => {
    const body = JSON.stringify(event);
    expect((await post(body, signed(body))).status).toBe(200);
    expect(await receiver.control('GET', '/deliveries')).toMatchObject([{ id: 'm1', event }]);
  });

  test('refuses another body, an old time, and what is no CloudEvent', async () => {
    const body = JSON.stringify(event);
    expect((await post(`${body} `, signed(body))).status).toBe(401);
    expect((await post(body, signed(body, Math.floor(Date.now() / 1_000) - 301))).status).toBe(401);
    expect((await post('{}', signed('{}'))).status).toBe(400);
    expect(await receiver.control('GET', '/deliveries')).toEqual([]);
  });
});
