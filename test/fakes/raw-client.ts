/** A client that knows nothing of keybaton: plain fetch, as somebody with the vendor's page open would write it. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  // Whatever the vendor sends; the test says what it expects of it.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly body: any;
}

export function rawClient(url: string, headers: Readonly<Record<string, string>>) {
  return async (method: string, path: string, body?: unknown): Promise<RawAnswer> => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, headers: answer.headers, body: await answer.json() };
  };
}

export const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
