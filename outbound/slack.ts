/**
 * Slack: one message per incident, edited in place, its timeline in the thread below it. By `chat.postMessage` and
 * `chat.update` (https://docs.slack.dev/reference/methods/chat.postMessage, .../chat.update) with a bot token, or by an
 * incoming webhook (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks), which can edit nothing.
 */
import { z } from 'zod';
import { KeybatonError, type ErrorCode } from '../domain/errors.ts';
import type { Channel, ChannelCall, Notice } from '../domain/notice.ts';
import { shapedAs } from './answer-shape.ts';
import { httpClient } from './http-client.ts';
import { isWanted, spoken, type ChannelOptions } from './notice.ts';
import { slackMessage, slackThreadText } from './slack-message.ts';

export interface SlackOptions extends ChannelOptions {
  /** `https://slack.com`; unused with an incoming webhook. */
  readonly address: string;
  /** Where messages go: a channel's id. Undefined: the credential is the address of an incoming webhook. */
  readonly channel: string | undefined;
}

export function slackChannel(options: SlackOptions): Channel {
  const { channel } = options;
  return {
    name: options.name,
    dropsRepeats: false,
    tells: (notice) => isWanted(options.tells, notice),
    send: (notice, memory, call) =>
      spoken(options.name, async () => {
        const credential = (await options.credential()).revealValue();
        if (channel === undefined) {
          await throughWebhook(credential, notice, call);
          return { memory: undefined };
        }
        const say = slackApi(options.address, credential, call);
        if (notice.incident === undefined) {
          await say('chat.postMessage', { channel, ...slackMessage(notice) });
          return { memory: undefined };
        }
        return { memory: await tellIncident(say, channel, notice, memory) };
      }),
  };
}

type Say = (method: SlackMethod, body: Readonly<Record<string, unknown>>) => Promise<SlackAnswer>;
type SlackMethod = 'chat.postMessage' | 'chat.update';

/** Answers the message's `ts`: Slack's name of it, and how it is found again. */
async function tellIncident(say: Say, channel: string, notice: Notice, memory: string | undefined): Promise<string> {
  const message = slackMessage(notice);
  const standing = memory === undefined ? undefined : readMemory(memory, notice);
  const edited =
    standing !== undefined && (await say('chat.update', { channel, ts: standing.ts, ...message })).error === undefined;
  // Deleted by somebody, or too old to be edited: told anew rather than not at all.
  const ts = edited ? standing.ts : (await say('chat.postMessage', { channel, ...message })).ts;
  if (ts === undefined) throw new KeybatonError('AMBIGUOUS', 'slack named no message');
  if (edited && standing.last !== notice.key)
    await say('chat.postMessage', { channel, thread_ts: ts, text: slackThreadText(notice) });
  return JSON.stringify({ ts, last: notice.key });
}

const memoryShape = z.object({ ts: z.string(), last: z.string() });

function readMemory(memory: string, notice: Notice): z.output<typeof memoryShape> | undefined {
  try {
    return memoryShape.parse(JSON.parse(memory));
  } catch {
    throw new KeybatonError('INVALID_CONFIG', `what was kept of the message of ${notice.about} is not ours`);
  }
}

const answerShape = z.object({ ok: z.boolean(), error: z.string().optional(), ts: z.string().optional() });
type SlackAnswer = z.output<typeof answerShape>;

function slackApi(address: string, token: string, { signal, now }: ChannelCall): Say {
  const client = httpClient({ baseUrl: address });
  return async (method, body) => {
    const what = { what: method, mayHaveHappened: method === 'chat.postMessage' };
    const answer = await client.request({
      method: 'POST',
      path: `/api/${method}`,
      body,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json; charset=utf-8' },
      signal,
      now,
      mayHaveHappened: what.mayHaveHappened,
    });
    const said = shapedAs(answerShape, answer, what);
    if (said.ok) return { ...said, error: undefined };
    if (method === 'chat.update' && notEditable.has(said.error ?? '')) return said;
    throw new KeybatonError(slackCodes[said.error ?? ''] ?? 'INVALID_CONFIG', `${method} was refused`);
  };
}

const notEditable: ReadonlySet<string> = new Set(['message_not_found', 'cant_update_message', 'edit_window_closed']);

/** Slack answers 200 to nearly everything; what went wrong is a word in the body. */
const slackCodes: Readonly<Partial<Record<string, ErrorCode>>> = {
  ratelimited: 'RATE_LIMITED',
  rate_limited: 'RATE_LIMITED',
  message_limit_exceeded: 'RATE_LIMITED',
  not_authed: 'ACCESS_DENIED',
  invalid_auth: 'ACCESS_DENIED',
  account_inactive: 'ACCESS_DENIED',
  token_expired: 'ACCESS_DENIED',
  token_revoked: 'ACCESS_DENIED',
  missing_scope: 'ACCESS_DENIED',
  no_permission: 'ACCESS_DENIED',
  not_in_channel: 'ACCESS_DENIED',
  restricted_action: 'ACCESS_DENIED',
  channel_not_found: 'NOT_FOUND',
  is_archived: 'NOT_FOUND',
  internal_error: 'AMBIGUOUS',
  fatal_error: 'AMBIGUOUS',
  request_timeout: 'UNAVAILABLE',
  service_unavailable: 'UNAVAILABLE',
};

/** The whole address is the secret, so it never stands in an error: `spoken` sees to that. */
async function throughWebhook(address: string, notice: Notice, { signal, now }: ChannelCall): Promise<void> {
  if (!URL.canParse(address)) throw new KeybatonError('INVALID_CONFIG', 'an incoming webhook is an address');
  const { origin, pathname } = new URL(address);
  await httpClient({ baseUrl: origin }).request({
    method: 'POST',
    path: pathname,
    body: slackMessage(notice),
    signal,
    now,
    anyAnswer: true,
  });
}
