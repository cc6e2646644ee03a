/**
 * A notice to any HTTP endpoint: CloudEvents 1.0 in structured JSON mode (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md),
 * signed as Standard Webhooks says (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
 */
import { createHash, createHmac } from 'node:crypto';
import { KeybatonError } from '../domain/errors.ts';
import type { Channel, Notice } from '../domain/notice.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';
import { httpClient } from './http-client.ts';
import { isoTime, isWanted, noticeBody, spoken, type ChannelOptions } from './notice.ts';

export interface WebhookOptions extends ChannelOptions {
  /** `https://host[/path]`; holds no secret. Its credential signs: `whsec_` and 24 to 64 bytes in base64. */
  readonly url: string;
}

export function webhookChannel(options: WebhookOptions): Channel {
  return {
    name: options.name,
    dropsRepeats: true,
    tells: (notice) => isWanted(options.tells, notice),
    send: (notice, _memory, { signal, now }) =>
      spoken(options.name, async () => {
        const { origin, pathname } = new URL(options.url);
        const id = messageId(notice);
        const body = cloudEvent(notice, id);
        const timestamp = Math.floor(now() / 1_000);
        const key = signingKey(await options.credential());
        await httpClient({ baseUrl: origin }).request({
          method: 'POST',
          path: pathname,
          body,
          headers: {
            'content-type': 'application/cloudevents+json; charset=utf-8',
            'webhook-id': id,
            'webhook-timestamp': String(timestamp),
            // The client sends exactly this text of the body.
            'webhook-signature': webhookSignature(key, `${id}.${timestamp}.${JSON.stringify(body)}`),
          },
          signal,
          now,
          anyAnswer: true,
        });
        return { memory: undefined };
      }),
  };
}

/** The same for every repeat of a notice, without a dot: the signed text is `id.timestamp.body`. */
const messageId = ({ key }: Notice): string =>
  `msg_${createHash('sha256').update(key).digest('base64url').slice(0, 32)}`;

function cloudEvent(notice: Notice, id: string): Readonly<Record<string, unknown>> {
  return {
    specversion: '1.0',
    id,
    source: '/keybaton',
    type: `keybaton.${notice.kind}`,
    subject: notice.about,
    time: isoTime(notice.at),
    datacontenttype: 'application/json',
    data: noticeBody(notice),
  };
}

/** `v1,` and HMAC-SHA256 in base64. */
export const webhookSignature = (key: Uint8Array, text: string): string =>
  `v1,${createHmac('sha256', key).update(text, 'utf8').digest('base64')}`;

export function signingKey(credential: SecretMaterial): Uint8Array {
  const text = credential.revealValue().replace(/^whsec_/, '');
  const key = /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0);
  if (key.length >= 24 && key.length <= 64) return key;
  throw new KeybatonError('INVALID_CONFIG', 'a webhook is signed with whsec_ and 24 to 64 bytes in base64');
}
