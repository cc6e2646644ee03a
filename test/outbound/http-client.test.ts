import { gzipSync } from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';
import { httpClient } from '../../outbound/http-client.ts';
import { freePort } from '../fakes/prism.ts';
import { answering, canary, credentials, errorOf, get, post, serve } from './local-server.ts';

describe('a good answer', () => {
  test('is parsed, with the status and the clock of the other side', async () => {
    const url = await answering(200, '{"id":"key_1"}', { date: 'Sun, 22 Nov 2026 20:00:00 GMT' });
    expect(await get(url)).toEqual({ status: 200, body: { id: 'key_1' }, date: Date.UTC(2026, 10, 22, 20) });
  });

  test('may be empty', async () => {
    expect(await get(await answering(204))).toMatchObject({ status: 204, body: undefined });
  });

  test('may be any status the caller expects, with a parsed body or none', async () => {
    expect(await get(await answering(404, '{"error":{"code":"gone"}}'), { expect: [404] })).toMatchObject({
      status: 404,
      body: { error: { code: 'gone' } },
    });
    expect(await get(await answering(404, '<html>'), { expect: [404] })).toMatchObject({
      status: 404,
      body: undefined,
    });
  });

  test('comes to a request with body, query and secret headers as given', async () => {
    const seen: unknown[] = [];
    const url = await serve((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += String(chunk)));
      request.on('end', () => {
        seen.push(request.method, request.url, request.headers.authorization, request.headers['content-type'], body);
        response.end('{}');
      });
    });
    await post(`${url}/v1/`, { body: { name: 'a' }, query: { limit: 2, after: undefined, owner: 'x&y' } });
    expect(seen).toEqual([
      'POST',
      '/v1/keys?limit=2&owner=x%26y',
      credentials.authorization,
      'application/json',
      '{"name":"a"}',
    ]);
  });
});

describe('a status', () => {
  test.each([
    [400, 'INVALID_CONFIG'],
    [401, 'ACCESS_DENIED'],
    [403, 'ACCESS_DENIED'],
    [404, 'NOT_FOUND'],
    [409, 'CONFLICT'],
    [422, 'INVALID_CONFIG'],
    [429, 'RATE_LIMITED'],
    [500, 'AMBIGUOUS'],
    [503, 'AMBIGUOUS'],
  ] as const)('%i after a POST is %s, and its body is dropped', async (status, code) => {
    expect((await errorOf(post(await answering(status, `{"message":"${canary}"}`)))).code).toBe(code);
  });

  test('of 5xx after a GET had no effect', async () => {
    expect((await errorOf(get(await answering(502)))).code).toBe('UNAVAILABLE');
  });

  test('of 5xx had no effect where the caller knows that the call changes nothing', async () => {
    expect((await errorOf(post(await answering(502), { mayHaveHappened: false }))).code).toBe('UNAVAILABLE');
  });

  test('carries how long to wait, in seconds or as a date', async () => {
    expect((await errorOf(get(await answering(429, '', { 'retry-after': '7' })))).retryAfter).toBe(7_000);
    const now = () => Date.UTC(2026, 10, 22, 20, 0, 0);
    const dated = await answering(503, '', { 'retry-after': 'Sun, 22 Nov 2026 20:01:30 GMT' });
    expect((await errorOf(get(dated, { now }))).retryAfter).toBe(90_000);
    expect((await errorOf(get(await answering(429, '', { 'retry-after': canary })))).retryAfter).toBeUndefined();
  });

  test('of a redirect is refused, and the credential goes nowhere', async () => {
    const elsewhere = vi.fn();
    const other = await serve((request, response) => {
      elsewhere(request.headers.authorization);
      response.end('{}');
    });
    for (const status of [301, 302, 307, 308]) {
      const url = await answering(status, canary, { location: `${other}/?${canary}` });
      expect((await errorOf(get(url))).code).toBe('INVALID_CONFIG');
    }
    expect(elsewhere).not.toHaveBeenCalled();
  });
});

describe('no good answer', () => {
  const cut = () => serve((request, response) => request.resume().on('end', () => response.destroy()));

  test('after a refused connection had no effect', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const error = await errorOf(post(url));
    expect(error.code).toBe('UNAVAILABLE');
    expect(error.message).toContain('ECONNREFUSED');
  });

  test('because the connection was cut leaves a POST in doubt and a GET without effect', async () => {
    expect((await errorOf(post(await cut()))).code).toBe('AMBIGUOUS');
    expect((await errorOf(get(await cut()))).code).toBe('UNAVAILABLE');
  });

  test('within the time-out leaves a POST in doubt, also when the body only drips', async () => {
    const silent = await serve((request) => request.resume());
    const dripping = await serve((_, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write(canary), 20);
      response.on('close', () => clearInterval(timer));
    });
    // Long enough to be connected on a busy machine: only then is the effect in doubt.
    const codeFrom = async (baseUrl: string, method: 'GET' | 'POST') =>
      (await errorOf(httpClient({ baseUrl, timeout: 1_500 }).request({ method, path: '/', headers: credentials })))
        .code;
    expect(
      await Promise.all([codeFrom(silent, 'POST'), codeFrom(dripping, 'POST'), codeFrom(dripping, 'GET')]),
    ).toEqual(['AMBIGUOUS', 'AMBIGUOUS', 'UNAVAILABLE']);
  });

  test('that fits into the limit leaves a POST in doubt', async () => {
    const huge = await answering(200, `{"value":"${canary}${'x'.repeat(100_000)}"}`);
    const client = httpClient({ baseUrl: huge, responseLimit: 10_000 });
    expect((await errorOf(client.request({ method: 'POST', path: '/', body: {} }))).code).toBe('AMBIGUOUS');
    expect((await errorOf(client.request({ method: 'GET', path: '/' }))).code).toBe('UNAVAILABLE');
  });

  test('that fits into the limit once it is unpacked is none either', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    const url = await serve((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb));
    expect((await errorOf(get(url))).code).toBe('UNAVAILABLE');
  });

  test('that is JSON leaves a POST in doubt, and the text stays out of the error', async () => {
    const url = await answering(200, `{"value":"${canary}`);
    expect((await errorOf(post(url))).code).toBe('AMBIGUOUS');
    expect((await errorOf(get(url))).code).toBe('UNAVAILABLE');
  });

  test('because the caller cancels: without effect before sending, in doubt after', async () => {
    const asked = vi.fn();
    const silent = await serve((request) => request.resume().on('end', asked));
    expect((await errorOf(post(silent, { signal: AbortSignal.abort(canary) }))).code).toBe('UNAVAILABLE');
    expect(asked).not.toHaveBeenCalled();
    const canceller = new AbortController();
    const error = errorOf(post(silent, { signal: canceller.signal }));
    await vi.waitFor(() => expect(asked).toHaveBeenCalled());
    canceller.abort(canary);
    expect((await error).code).toBe('AMBIGUOUS');
  });

  test('past the deadline: nothing is sent', async () => {
    const asked = vi.fn();
    const url = await serve(asked);
    expect((await errorOf(post(url, { deadline: 1_000, now: () => 1_000 }))).code).toBe('UNAVAILABLE');
    expect(asked).not.toHaveBeenCalled();
  });

  test('past the deadline that comes while connecting: nothing is sent', async () => {
    const asked = vi.fn();
    const url = await serve(asked);
    // As after a SIGSTOP: by the time the connection stands the clock has jumped.
    const now = vi.fn().mockReturnValueOnce(0).mockReturnValue(10_000);
    expect((await errorOf(post(url, { deadline: 5_000, now }))).code).toBe('UNAVAILABLE');
    expect(now).toHaveBeenCalledTimes(2);
    expect(asked).not.toHaveBeenCalled();
  });

  test('by the deadline, although the time-out is longer, leaves a POST in doubt', async () => {
    const silent = await serve((request) => request.resume());
    expect((await errorOf(post(silent, { deadline: Date.now() + 1_500 }))).code).toBe('AMBIGUOUS');
  });
});

describe('is refused:', () => {
  test.each([
    ['a network host without TLS', 'http://provider.example'],
    ['a user in the address', 'https://user:pass@provider.example'],
    ['a query in the address', 'https://provider.example?key=1'],
    ['something that is no address', 'provider'],
    ['another protocol', 'file:///etc/passwd'],
  ])('%s', (_, baseUrl) => {
    expect(() => httpClient({ baseUrl })).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }));
  });

  test('a time-out as long as an activity may take', () => {
    expect(() => httpClient({ baseUrl: 'https://provider.example', timeout: 20_000 })).toThrow(/time-out/);
  });

  test('a credential with a line break', async () => {
    const asked = vi.fn();
    const headers = { authorization: `Bearer ${canary}\n` };
    expect((await errorOf(get(await serve(asked), { headers }))).code).toBe('INVALID_CONFIG');
    expect(asked).not.toHaveBeenCalled();
  });

  test('a path whose parts would lead elsewhere', async () => {
    const asked = vi.fn();
    const url = await serve(asked);
    for (const path of ['/keys/..', '/keys/../admin', '/keys?all=1', '/keys#x']) {
      expect((await errorOf(get(url, { path }))).code).toBe('INVALID_CONFIG');
    }
    expect(asked).not.toHaveBeenCalled();
  });
});
