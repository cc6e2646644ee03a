import { KeybatonError } from '../../domain/errors.ts';
import { httpClient, type HttpAnswer, type HttpMethod, type HttpRequest } from '../../outbound/http-client.ts';
import { failureOfStatus, failureWithoutAnswer } from '../../outbound/http-failure.ts';
import type { Call, Target } from '../provider.ts';
import type { Declaration, DeclaredCall, ErrorRule, Found, Killing, Pages, Time } from './declaration.ts';
import { pick } from './pick.ts';
import type { DeclaredSettings } from './settings.ts';
import { filledBody, filledPath, filledQuery, type Fillings } from './template.ts';

const mostPages = 1_000;

export interface ListedItem {
  readonly id: string;
  readonly item: unknown;
}

export type DeclaredApi = Awaited<ReturnType<typeof adminApi>>;

/** The calls that need the admin credential, which is read once. */
export async function adminApi(declaration: Declaration, target: Target<DeclaredSettings>, call: Call) {
  const { list, errors } = declaration;
  const headers = withSecret(declaration.admin.headers, 'admin', (await target.admin()).revealValue());
  let theirClock: number | undefined;

  const send = async (declared: Asked, fillings: Fillings, more: Partial<HttpRequest> = {}): Promise<HttpAnswer> => {
    const ruled = errors.map(({ status }) => status);
    const { request, client } = prepared(declaration, target.settings, declared, fillings);
    const expect = [...ruled, ...(more.expect ?? [])];
    const answer = await client.request({ ...request, headers, ...timed(call), ...more, expect });
    theirClock = answer.date ?? theirClock;
    if (answer.status < 400 || more.expect?.includes(answer.status)) return answer;
    const mayHaveHappened = request.method !== 'GET';
    throw ruledError(errors, answer, request, mayHaveHappened);
  };

  const itemsOf = (answer: HttpAnswer): readonly ListedItem[] => {
    const items = pick(list.items, answer.body);
    if (items === undefined && list.missing === 'empty') return [];
    if (!Array.isArray(items)) throw unknownShape(list.request, answer, false);
    return items
      .filter((item) => list.ended === undefined || !isFound(list.ended, item))
      .map((item: unknown) => ({ id: idOf(list.id, item, () => unknownShape(list.request, answer, false)), item }));
  };

  return {
    send,
    /** The vendor's clock as its newest answer told it, else ours: epoch milliseconds. */
    clock: (): number => theirClock ?? call.now(),

    /** Every key of the place, all pages. */
    async items(): Promise<readonly ListedItem[]> {
      const found = new Map<string, ListedItem>();
      let next: Next | undefined = firstPage(list.pages);
      for (let page = 0; page < mostPages; page += 1) {
        const asked: Asked = { ...list, query: { ...list.query, ...next?.query } };
        const answer = await send(asked, settingsOf(target));
        for (const one of itemsOf(answer)) found.set(one.id, one);
        const many = pick(list.items, answer.body);
        next = followingPage(list.pages, next, answer.body, Array.isArray(many) ? many.length : 0);
        if (next === undefined) return [...found.values()];
      }
      throw new KeybatonError('UNAVAILABLE', `the list of keys of ${target.name} does not come to an end`);
    },

    /** Done, or a status that the declaration calls gone. */
    async kill(declared: Killing, id: string): Promise<'done' | 'unknown'> {
      const fillings = { ...settingsOf(target), id };
      const answer = await send(declared, fillings, { expect: declared.gone, anyAnswer: true });
      return answer.status < 400 ? 'done' : 'unknown';
    },
  };
}

type Asked = Pick<DeclaredCall, 'host' | 'request' | 'query'> & { readonly body?: DeclaredCall['body'] };

/** Asks with the version's own value. Answers whatever is a status of the verdicts. */
export async function askWithValue(
  declaration: Declaration,
  target: Target<DeclaredSettings>,
  value: string,
  call: Call,
): Promise<HttpAnswer> {
  const { verify } = declaration;
  const { request, client } = prepared(declaration, target.settings, verify, settingsOf(target));
  return client.request({
    ...request,
    headers: withSecret(verify.headers, 'value', value),
    // Told apart by what the body says: a status alone may come from anything between us and the vendor.
    expect: [401, 403, ...verify.verdicts.map(({ status }) => status)],
    mayHaveHappened: false,
    ...timed(call),
  });
}

export const settingsOf = ({ settings }: Target<DeclaredSettings>): Fillings =>
  Object.fromEntries(Object.entries(settings).map(([name, value]) => [`settings.${name}`, value]));

function prepared(declaration: Declaration, settings: DeclaredSettings, declared: Asked, fillings: Fillings) {
  const { method, path } = requestOf(declared.request);
  const { body } = declared;
  const query = filledQuery(declared.query, fillings);
  const request = {
    method,
    path: filledPath(path, fillings),
    ...(Object.keys(query).length > 0 && { query }),
    ...(body !== undefined && { body: filledBody(body, fillings) }),
  } satisfies HttpRequest;
  return {
    request,
    client: httpClient({ baseUrl: hostOf(declaration, settings, declared), timeout: settings.callTimeout }),
  };
}

export function hostOf({ hosts }: Declaration, settings: DeclaredSettings, { host }: Pick<Asked, 'host'>): string {
  const name = host ?? Object.keys(hosts)[0] ?? '';
  const address = settings.hosts[name];
  if (address === undefined)
    throw new KeybatonError('INVALID_CONFIG', `set hosts.${name} in the settings of the target`);
  return address;
}

export function requestOf(text: string): { readonly method: HttpMethod; readonly path: string } {
  const [method = 'GET', path = '/'] = text.split(' ');
  // The declaration was refused unless it begins with one of the methods.
  return { method: method as HttpMethod, path };
}

const withSecret = (headers: Readonly<Record<string, string>>, name: string, secret: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).map(([header, text]) => [header, text.replace(`{${name}}`, () => secret)]),
  );

const timed = (call: Call) => ({ signal: call.signal, deadline: call.deadline, now: () => call.now() });

function ruledError(
  errors: readonly ErrorRule[],
  answer: HttpAnswer,
  { method, path }: { readonly method: string; readonly path: string },
  mayHaveHappened: boolean,
): KeybatonError {
  const rule = errors.find(
    ({ status, at, ...rest }) =>
      status === answer.status && (at === undefined || isFound({ at, ...rest }, answer.body)),
  );
  if (rule === undefined) return failureOfStatus(answer.status, { what: `${method} ${path}`, mayHaveHappened });
  return new KeybatonError(
    rule.means,
    `${method} ${path} answered ${answer.status}, which the declaration calls ${rule.means}`,
  );
}

export const unknownShape = (request: string, { status }: HttpAnswer, mayHaveHappened: boolean): KeybatonError =>
  failureWithoutAnswer(`answered ${status} in a shape that the declaration does not describe`, {
    what: request,
    mayHaveHappened,
  });

export function isFound({ at, is, begins }: Found, body: unknown): boolean {
  const value = pick(at, body);
  if (value === undefined || value === null) return false;
  if (is !== undefined && !is.some((one) => one === value)) return false;
  return begins === undefined || (typeof value === 'string' && value.startsWith(begins));
}

/** A public id; a number is one too. */
export function idOf(path: string, body: unknown, failure: () => KeybatonError): string {
  const id = pick(path, body);
  if ((typeof id !== 'string' || id === '') && typeof id !== 'number') throw failure();
  return String(id);
}

/** Epoch milliseconds; undefined: nothing stands there, or null. */
export function timeOf({ at, unit }: Time, body: unknown, failure: () => KeybatonError): number | undefined {
  const value = pick(at, body);
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' && typeof value !== 'number') throw failure();
  const read = unit === 'iso' ? Date.parse(String(value)) : Number(value) * (unit === 'seconds' ? 1_000 : 1);
  if (!Number.isFinite(read)) throw failure();
  return read;
}

interface Next {
  readonly query: Readonly<Record<string, string>>;
  readonly at: number;
}

function firstPage(pages: Pages | undefined): Next | undefined {
  if (pages === undefined || pages.by === 'token') return undefined;
  const at = pages.by === 'page' ? pages.first : 0;
  return { at, query: { [pages.query]: String(at) } };
}

function followingPage(pages: Pages | undefined, now: Next | undefined, body: unknown, many: number): Next | undefined {
  if (pages === undefined) return undefined;
  if (pages.by === 'token') {
    const token = pick(pages.next, body);
    return typeof token === 'string' && token !== '' ? { at: 0, query: { [pages.query]: token } } : undefined;
  }
  if (many < pages.size) return undefined;
  const at = (now?.at ?? 0) + (pages.by === 'page' ? 1 : pages.size);
  return { at, query: { [pages.query]: String(at) } };
}
