/**
 * PagerDuty, Events API v2. Alerts: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/ ; changes:
 * https://developer.pagerduty.com/docs/events-api-v2/send-change-events/. Limits: summary 1024, dedup key 255 characters, an
 * event 512 KB, and about 120 events a minute for one key.
 */
import { createHash } from 'node:crypto';
import { pageParts } from '../domain/incident-notice.ts';
import type { Channel, Notice } from '../domain/notice.ts';
import { httpClient, type HttpClient } from './http-client.ts';
import { isoTime, isWanted, noticeBody, spoken, within, type ChannelOptions } from './notice.ts';

export interface PagerDutyOptions extends ChannelOptions {
  /** `https://events.pagerduty.com`, or that of the European region. Its credential is the routing key of an integration. */
  readonly address: string;
}

type Event =
  | { readonly to: '/v2/enqueue'; readonly body: Readonly<Record<string, unknown>> }
  | { readonly to: '/v2/change/enqueue'; readonly body: Readonly<Record<string, unknown>> };

export function pagerDutyChannel(options: PagerDutyOptions): Channel {
  return {
    name: options.name,
    dropsRepeats: true,
    tells: (notice) => isWanted(options.tells, notice) && eventsOf(notice).length > 0,
    send: (notice, _memory, call) =>
      spoken(options.name, async () => {
        const client: HttpClient = httpClient({ baseUrl: options.address });
        const key = (await options.credential()).revealValue();
        for (const { to, body } of eventsOf(notice)) {
          await client.request({
            method: 'POST',
            path: to,
            body: { routing_key: key, ...body },
            signal: call.signal,
            now: call.now,
            anyAnswer: true,
          });
        }
        return { memory: undefined };
      }),
  };
}

/**
 * One alert per incident and per alarm. A page of an incident is an alert of its own: another trigger for one that is
 * open, or acknowledged, wakes nobody. Closing resolves them all; resolving what was never open is no change.
 */
function eventsOf(notice: Notice): readonly Event[] {
  switch (notice.kind) {
    case 'rotation.ended':
      return [{ to: '/v2/change/enqueue', body: { payload: changePayload(notice) } }];
    case 'alarm.raised':
    case 'incident.declared':
      return [trigger(notice, notice.about)];
    case 'incident.page':
    case 'incident.failed':
      return [trigger(notice, notice.key)];
    case 'incident.taken':
      return [alert('acknowledge', notice.about), ...pagesOf(notice).map((page) => alert('acknowledge', page))];
    case 'alarm.cured':
      return [alert('resolve', notice.about)];
    case 'incident.closed':
      return [...pagesOf(notice), notice.about].map((one) => alert('resolve', one));
    case 'incident.moment':
      // A moment reached is good news and wakes nobody; chat and the incident itself tell it.
      return [];
  }
}

const pagesOf = ({ about }: Notice): readonly string[] => pageParts.map((part) => `${about}/${part}`);

function alert(action: 'acknowledge' | 'resolve', about: string): Event {
  return { to: '/v2/enqueue', body: { event_action: action, dedup_key: dedupKey(about) } };
}

function trigger(notice: Notice, about: string): Event {
  const payload = {
    ...changePayload(notice),
    severity: notice.severity,
    component: notice.credential ?? notice.incident,
    group: notice.team ?? notice.provider,
    class: notice.kind,
  };
  return {
    to: '/v2/enqueue',
    body: { event_action: 'trigger', dedup_key: dedupKey(about), client: 'keybaton', payload },
  };
}

const changePayload = (notice: Notice) => ({
  summary: within(1_024, notice.headline),
  source: 'keybaton',
  timestamp: isoTime(notice.at),
  custom_details: noticeBody(notice),
});

function dedupKey(about: string): string {
  if (about.length <= 255) return about;
  return `${about.slice(0, 200)}/${createHash('sha256').update(about).digest('hex').slice(0, 32)}`;
}
