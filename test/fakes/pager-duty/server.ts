/**
 * PagerDuty's Events API v2 as its pages describe it: alerts opened, acknowledged and resolved under a dedup key, and change
 * events. Pages: https://developer.pagerduty.com/docs/events-api-v2/overview/, .../trigger-events/, .../send-change-events/
 * (summary at most 1024 characters, dedup_key 255, an event 512 KB; 202 accepted, 400 invalid, 413 too large, 429 too many),
 * read 2026-11.
 */
import type { FakeAnswer, FakeRequest, Operation, Vendor } from '../fake-server.ts';
import type { VendorOptions } from '../main.ts';

export interface PagerDutySettings {
  /** Bytes of one event. */
  eventLimit: number;
}

export interface FakeAlert {
  dedupKey: string;
  status: 'triggered' | 'acknowledged' | 'resolved';
  /** How often it was opened anew: each of these wakes somebody. */
  opened: number;
  summary: string;
  severity: string;
}

const severities = ['critical', 'error', 'warning', 'info'];

export function pagerDutyVendor({ adminKey }: VendorOptions): Vendor<PagerDutySettings> {
  const settings: PagerDutySettings = { eventLimit: 512 * 1024 };
  const alerts = new Map<string, FakeAlert>();
  const bodies: unknown[] = [];
  let keys = 0;

  const invalid = (...errors: string[]): FakeAnswer => ({
    status: 400,
    body: { status: 'invalid event', message: 'Event object is invalid', errors },
  });
  const refusal = (request: FakeRequest): FakeAnswer | undefined => {
    if (Buffer.byteLength(request.text) > settings.eventLimit) return { status: 413, body: { status: 'too large' } };
    const { routing_key: key } = Object(request.body);
    if (typeof key !== 'string' || key.length !== 32) return invalid("'routing_key' is missing or blank");
    return key === adminKey ? undefined : invalid('Invalid routing key');
  };
  const wrongPayload = (payload: { summary?: unknown; source?: unknown }): string[] => [
    ...(typeof payload.summary !== 'string' || payload.summary === '' ? ["'payload.summary' is missing or blank"] : []),
    ...(String(payload.summary).length > 1024 ? ["'payload.summary' is longer than 1024 characters"] : []),
  ];

  function alert(request: FakeRequest): FakeAnswer {
    const refused = refusal(request);
    if (refused) return refused;
    const { event_action: action, dedup_key: given, payload } = Object(request.body);
    if (!['trigger', 'acknowledge', 'resolve'].includes(action)) return invalid("'event_action' is not known");
    if (String(given ?? '').length > 255) return invalid("'dedup_key' is longer than 255 characters");
    if (action === 'trigger') {
      const wrong = wrongPayload(Object(payload));
      if (typeof payload?.source !== 'string' || payload.source === '')
        wrong.push("'payload.source' is missing or blank");
      if (!severities.includes(payload?.severity)) wrong.push("'payload.severity' is not known");
      if (Number.isNaN(Date.parse(payload?.timestamp ?? ''))) wrong.push("'payload.timestamp' is no ISO 8601 time");
      if (wrong.length > 0) return invalid(...wrong);
    } else if (typeof given !== 'string' || given === '') {
      return invalid("'dedup_key' is missing or blank");
    }
    bodies.push(request.body);
    const dedupKey: string = given ?? `made-${(keys += 1)}`;
    const known = alerts.get(dedupKey);
    if (action === 'trigger') {
      if (known === undefined || known.status === 'resolved') {
        alerts.set(dedupKey, {
          dedupKey,
          status: 'triggered',
          opened: (known?.opened ?? 0) + 1,
          summary: payload.summary,
          severity: payload.severity,
        });
      }
    } else if (known !== undefined && known.status !== 'resolved') {
      known.status = action === 'resolve' ? 'resolved' : 'acknowledged';
    }
    return { status: 202, body: { status: 'success', message: 'Event processed', dedup_key: dedupKey } };
  }

  function change(request: FakeRequest): FakeAnswer {
    const refused = refusal(request);
    if (refused) return refused;
    const wrong = wrongPayload(Object(Object(request.body).payload));
    if (wrong.length > 0) return invalid(...wrong);
    bodies.push(request.body);
    return { status: 202, body: { status: 'success', message: 'Change event processed' } };
  }

  return {
    settings,
    operation: (request): Operation => {
      if (request.method === 'POST' && request.path === '/v2/enqueue')
        return { name: 'alert', perform: () => alert(request) };
      if (request.method === 'POST' && request.path === '/v2/change/enqueue')
        return { name: 'change', perform: () => change(request) };
      return {
        name: 'unknown',
        perform: () => ({ status: 404, body: { error: { message: 'Not Found', code: 2100 } } }),
      };
    },
    failure: (status, message) => ({ status, body: { status: 'throttle exceeded', message } }),
    control: {
      'GET /alerts': () => [...alerts.values()],
      'GET /bodies': () => bodies,
      'POST /forget': () => {
        alerts.clear();
        bodies.length = 0;
        return {};
      },
    },
    lastValue: () => undefined,
  };
}
