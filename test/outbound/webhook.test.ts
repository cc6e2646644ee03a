import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { signingKey, webhookChannel, webhookSignature } from '../../outbound/webhook.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { type RunningFake, startFake } from '../fakes/start.ts';
import type { FakeDelivery, ReceiverSettings } from '../fakes/webhook-receiver/server.ts';
import { errorOf } from './local-server.ts';
import { allNotices, call, credentialOf, everything, told } from './notices.ts';

let receiver: RunningFake<ReceiverSettings>;
beforeAll(async () => {
  receiver = await startFake<ReceiverSettings>('webhook-receiver');
});
afterEach(async () => {
  await receiver.reset();
  await receiver.control('POST', '/forget');
});
afterAll(() => receiver?.stop());

const channel = (change: { key?: string; url?: string } = {}) =>
  webhookChannel({
    name: 'audit',
    tells: everything,
    url: change.url ?? `${receiver.url}/hook`,
    credential: credentialOf(change.key ?? receiver.adminKey),
  });
const deliveries = async () => (await receiver.control('GET', '/deliveries')) as FakeDelivery[];

test('a signature is the one of the published example', () => {
  const key = signingKey(new SecretMaterial({ value: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }, 'value'));
  const text = 'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}';
  expect(webhookSignature(key, text)).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

test('every kind of notice arrives signed, as a CloudEvent', async () => {
  for (const notice of allNotices()) await channel().send(notice, undefined, call());
  const arrived = await deliveries();
  expect(arrived.map(({ event }) => event['type'])).toEqual(allNotices().map(({ kind }) => `keybaton.${kind}`));
  expect(new Set(arrived.map(({ id }) => id)).size).toBe(arrived.length);
  for (const { id, event, contentType } of arrived) {
    expect(event).toMatchObject({ specversion: '1.0', id, source: '/keybaton', datacontenttype: 'application/json' });
    expect(new Date(String(event['time'])).toISOString()).toBe(event['time']);
    expect(contentType).toBe('application/cloudevents+json; charset=utf-8');
  }
});

test('the same notice again has the same id', async () => {
  const notice = told({ kind: 'page', share: 0.8 });
  await channel().send(notice, undefined, call());
  await channel().send(notice, undefined, call());
  const [first, second] = await deliveries();
  expect(first?.id).toBe(second?.id);
  expect(first?.id).toBe(
    `msg_${createHash('sha256').update('incident/inc-1/page-80').digest('base64url').slice(0, 32)}`,
  );
});

test('429 is told with the time the receiver asks for', async () => {
  await receiver.faults({ failNext: { count: 1, status: 429, retryAfter: '7' } });
  const error = await errorOf(channel().send(told({ kind: 'declared' }), undefined, call()));
  expect(error).toMatchObject({ code: 'RATE_LIMITED', retryAfter: 7_000 });
});

test('an answer that is lost may have been a delivery', async () => {
  await receiver.faults({ drop: { receive: 1 } });
  const error = await errorOf(channel().send(told({ kind: 'declared' }), undefined, call()));
  expect(error.code).toBe('AMBIGUOUS');
  expect(await deliveries()).toHaveLength(1);
});

test('a receiver that knows another key refuses, and no error shows key or path', async () => {
  const error = await errorOf(
    channel({ key: `whsec_${'A'.repeat(43)}=` }).send(told({ kind: 'declared' }), undefined, call()),
  );
  expect(error.code).toBe('ACCESS_DENIED');
  expect(error.message).toBe('channel audit refuses our credential: see `notify:` in targets.yml');
});

test('a key that is none is said without it', async () => {
  const error = await errorOf(channel({ key: 'whsec_short' }).send(told({ kind: 'declared' }), undefined, call()));
  expect(error.code).toBe('INVALID_CONFIG');
  expect(error.message).not.toContain('short');
});
