/**
 * A receiver of signed webhooks, as the specification tells receivers to be: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 * (HMAC-SHA256 over `id.timestamp.body`, several signatures separated by spaces, five minutes of tolerance), with bodies that are
 * CloudEvents: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md (required: specversion, id, source, type). Read 2026-11.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { FakeAnswer, FakeRequest, Operation, Vendor } from '../fake-server.ts';
import type { VendorOptions } from '../main.ts';

export interface ReceiverSettings {
  /** Milliseconds its clock is ahead. */
  ahead: number;
}

export interface FakeDelivery {
  readonly id: string;
  readonly event: Record<string, unknown>;
  readonly contentType: string | undefined;
}

export function webhookReceiver({ adminKey }: VendorOptions): Vendor<ReceiverSettings> {
  const settings: ReceiverSettings = { ahead: 0 };
  let deliveries: FakeDelivery[] = [];
  let bodies: string[] = [];
  const secret = Buffer.from(adminKey.replace(/^whsec_/, ''), 'base64');

  function receive({ headers, text }: FakeRequest): FakeAnswer {
    const [id, timestamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => {
      const value = headers[name];
      return typeof value === 'string' ? value : '';
    });
    bodies.push(text);
    const refused = (error: string): FakeAnswer => ({ status: 401, body: { error } });
    if (!id || !/^\d{1,12}$/.test(timestamp ?? '')) return refused('headers are missing');
    if (Math.abs((Date.now() + settings.ahead) / 1_000 - Number(timestamp)) > 300) return refused('too old or too new');
    const wanted = createHmac('sha256', secret).update(`${id}.${timestamp}.${text}`).digest();
    const signed = (signatures ?? '').split(' ').some((one) => {
      const given = Buffer.from(one.replace(/^v1,/, ''), 'base64');
      return one.startsWith('v1,') && given.length === wanted.length && timingSafeEqual(given, wanted);
    });
    if (!signed) return refused('the signature is wrong');
    const event = JSON.parse(text) as Record<string, unknown>;
    const missing = ['specversion', 'id', 'source', 'type'].filter((name) => typeof event[name] !== 'string');
    if (missing.length > 0 || event['specversion'] !== '1.0')
      return { status: 400, body: { error: `not a CloudEvent: ${missing.join(', ')}` } };
    deliveries.push({ id, event, contentType: headers['content-type'] });
    return { status: 200, body: undefined, text: 'OK' };
  }

  return {
    settings,
    operation: (request): Operation =>
      request.method === 'POST' && request.path === '/hook'
        ? { name: 'receive', perform: () => receive(request) }
        : { name: 'unknown', perform: () => ({ status: 404, body: { error: 'nothing here' } }) },
    failure: (status, message) => ({ status, body: { error: message } }),
    control: {
      'GET /deliveries': () => deliveries,
      /** Every body that arrived, signed or not. */
      'GET /bodies': () => bodies,
      'POST /forget': () => {
        deliveries = [];
        bodies = [];
        return {};
      },
    },
    lastValue: () => undefined,
  };
}
