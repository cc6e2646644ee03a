/**
 * The two methods of Slack's Web API that one edited message per incident needs, and incoming webhooks. Pages:
 * https://docs.slack.dev/reference/methods/chat.postMessage, .../chat.update, https://docs.slack.dev/reference/block-kit/blocks
 * (50 blocks, 3000 characters in a section, 150 in a header), https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
 * (plain `ok`, 400 `invalid_payload`, 403 `invalid_token`, 404 `no_service`), https://docs.slack.dev/apis/web-api/rate-limits (429 with
 * Retry-After), read 2026-11. Nearly every failure is a 200 with `ok: false` and a word.
 */
import type { FakeAnswer, FakeRequest, Operation, Vendor } from '../fake-server.ts';
import type { VendorOptions } from '../main.ts';

export interface SlackSettings {
  channels: string[];
  /** The path of the incoming webhook: the secret of it. */
  webhookPath: string;
}

export interface FakeMessage {
  readonly ts: string;
  readonly thread: string | undefined;
  readonly through: 'method' | 'webhook';
  edits: number;
  body: { readonly text?: string; readonly blocks?: readonly unknown[] };
}

export function slackVendor({ adminKey }: VendorOptions): Vendor<SlackSettings> {
  const settings: SlackSettings = { channels: ['C0INCIDENTS'], webhookPath: '/services/T0/B0/first' };
  let messages: FakeMessage[] = [];
  let made = 0;

  const said = (body: object): FakeAnswer => ({ status: 200, body });
  const no = (error: string): FakeAnswer => said({ ok: false, error });
  const newTs = () => `1700000000.${String((made += 1)).padStart(6, '0')}`;

  const method =
    (perform: (body: Record<string, unknown>) => FakeAnswer) =>
    ({ headers, body }: FakeRequest): FakeAnswer => {
      if (headers.authorization === undefined) return no('not_authed');
      if (headers.authorization !== `Bearer ${adminKey}`) return no('invalid_auth');
      if (!/^application\/json/.test(headers['content-type'] ?? '')) return no('invalid_form_data');
      const given = Object(body) as Record<string, unknown>;
      if (!settings.channels.includes(String(given['channel']))) return no('channel_not_found');
      return wrongContent(given) ?? perform(given);
    };

  const post = method((body) => {
    const thread = typeof body['thread_ts'] === 'string' ? body['thread_ts'] : undefined;
    if (thread !== undefined && !messages.some(({ ts }) => ts === thread)) return no('thread_not_found');
    const ts = newTs();
    messages.push({ ts, thread, through: 'method', edits: 0, body });
    return said({ ok: true, channel: body['channel'], ts, message: { text: body['text'] } });
  });
  const update = method((body) => {
    const found = messages.find(({ ts }) => ts === body['ts']);
    if (found === undefined) return no('message_not_found');
    found.body = body;
    found.edits += 1;
    return said({ ok: true, channel: body['channel'], ts: found.ts, text: body['text'] });
  });

  function webhook({ path, body }: FakeRequest): FakeAnswer {
    const plain = (status: number, text: string) => ({ status, body: undefined, text });
    if (!path.startsWith(settings.webhookPath.slice(0, settings.webhookPath.lastIndexOf('/'))))
      return plain(404, 'no_service');
    if (path !== settings.webhookPath) return plain(403, 'invalid_token');
    if (wrongContent(Object(body)) !== undefined) return plain(400, 'invalid_blocks');
    messages.push({ ts: newTs(), thread: undefined, through: 'webhook', edits: 0, body: Object(body) });
    return plain(200, 'ok');
  }

  function wrongContent(body: Record<string, unknown>): FakeAnswer | undefined {
    const blocks = (body['blocks'] ?? []) as { type: string; text?: { text?: string } }[];
    const whole = typeof body['text'] === 'string' ? body['text'] : '';
    if (blocks.length === 0 && whole === '') return no('no_text');
    if (whole.length > 40_000) return no('msg_too_long');
    const long = blocks.some(({ type, text }) => (text?.text?.length ?? 1) > (type === 'header' ? 150 : 3_000));
    const empty = blocks.some(({ type, text }) => type === 'section' && (text?.text ?? '') === '');
    return blocks.length > 50 || long || empty ? no('invalid_blocks') : undefined;
  }

  const routes: Readonly<Record<string, (request: FakeRequest) => FakeAnswer>> = {
    'POST /api/chat.postMessage': post,
    'POST /api/chat.update': update,
  };
  return {
    settings,
    operation: (request): Operation => {
      const name = request.path.split('/').at(-1) ?? '';
      if (request.path.startsWith('/services/')) return { name: 'webhook', perform: () => webhook(request) };
      const route = routes[`${request.method} ${request.path}`];
      return { name, perform: () => route?.(request) ?? no('unknown_method') };
    },
    failure: (status, message) => ({ status, body: { ok: false, error: status === 429 ? 'ratelimited' : message } }),
    control: {
      'GET /messages': () => messages,
      'POST /forget': () => {
        messages = [];
        return {};
      },
    },
    lastValue: () => undefined,
  };
}
