import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { written } from '../../control/web/html.ts';
import type { Html } from '../../control/web/html.ts';

export interface Seen {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  /** Where it sends the browser. */
  readonly to: string | null;
}

/** As a browser without scripts: keeps cookies, sends forms as they stand, follows nothing by itself. */
export function openBrowser(url: string) {
  const cookies = new Map<string, string>();

  async function fetched(path: string, options: RequestInit = {}): Promise<Seen> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers: Record<string, string> = {
      ...(cookie === '' ? {} : { cookie }),
      ...(options.headers as Record<string, string> | undefined),
    };
    const to = new URL(path, url);
    const response =
      'host' in headers
        ? await askedAs(to, options, headers)
        : await fetch(to, { ...options, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    const { status } = response;
    return { status, headers: response.headers, body: await response.text(), to: response.headers.get('location') };
  }

  const browser = {
    cookies,
    get: (path: string, headers: Record<string, string> = {}) => fetched(path, { headers }),
    post: (path: string, fields: Readonly<Record<string, string>>, headers: Record<string, string> = {}) =>
      fetched(path, {
        method: 'POST',
        body: new URLSearchParams(fields).toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      }),
    /** Fills in the form of a page that goes to `action`, and sends it with what is hidden in it. */
    async submit(
      page: Seen,
      action: string,
      fields: Readonly<Record<string, string>>,
      headers: Record<string, string> = {},
    ): Promise<Seen> {
      const form = new RegExp(`<form[^>]*action="${action}"[^]*?</form>`).exec(page.body)?.[0];
      if (form === undefined) throw new Error(`no form goes to ${action}`);
      const hidden = [...form.matchAll(/<input\s+type="hidden"\s+name="([^"]*)"\s+value="([^"]*)"/g)];
      const kept = hidden.map(([, name = '', value = '']) => [name, unescaped(value)] as const);
      const { origin } = new URL(url);
      return browser.post(action, { ...Object.fromEntries(kept), ...fields }, { origin, ...headers });
    },
    async signIn(token: string, next = '/', headers: Record<string, string> = {}): Promise<Seen> {
      const page = await browser.get(`/sign-in?next=${encodeURIComponent(next)}`);
      return browser.submit(page, '/sign-in', { token }, headers);
    },
  };
  return browser;
}

/** `fetch` names the host itself, whatever it is told. */
async function askedAs(to: URL, options: RequestInit, headers: Record<string, string>): Promise<Response> {
  const body = typeof options.body === 'string' ? options.body : '';
  const sent = request(to, { method: options.method ?? 'GET', headers }).end(body);
  // What `response` brings is this.
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  const answered = new Headers();
  for (const [name, values = []] of Object.entries(answer.headersDistinct))
    for (const value of values) answered.append(name, value);
  return new Response(await text(answer), { status: answer.statusCode ?? 0, headers: answered });
}

const unescaped = (written: string): string =>
  written
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');

/** What stands on a page, without its markup. */
export const textOf = (page: Seen | Html): string =>
  unescaped(('body' in page ? page.body : written(page)).replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' '));
