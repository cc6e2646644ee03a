import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { freePort } from '../fakes/prism.ts';
import { answering, canary, errorOf, get, listen, onlyProxy, post } from './local-server.ts';
import { certificate, privateKey } from './self-signed.ts';

afterEach(() => vi.unstubAllEnvs());

describe('a connection', () => {
  const secure = async (answer: (request: IncomingMessage) => void) => {
    const server = createSecureServer({ cert: certificate, key: privateKey }, (request, response) => {
      answer(request);
      response.end('{}');
    });
    return `https://localhost:${await listen(server)}`;
  };

  test('is refused when its certificate cannot be verified, even if the environment says otherwise', async () => {
    const asked = vi.fn();
    const url = await secure(asked);
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const error = await errorOf(post(url));
    expect(error.code).toBe('UNAVAILABLE');
    expect(error.message).toMatch(/SELF_SIGNED|UNABLE_TO_VERIFY/);
    expect(asked).not.toHaveBeenCalled();
  });

  test('goes through the proxy of the environment as a tunnel, which never sees the credential', async () => {
    const lines: string[] = [];
    const proxy = createServer();
    proxy.on('connect', (request: IncomingMessage, socket: Socket) => {
      lines.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)}`);
      socket.end('HTTP/1.1 502 no way\r\n\r\n');
    });
    onlyProxy({ HTTPS_PROXY: `http://127.0.0.1:${await listen(proxy)}` });
    await errorOf(get('https://provider.invalid'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('CONNECT provider.invalid:443');
    expect(lines[0]).not.toContain(canary);
  });

  test('to this machine never goes through a proxy', async () => {
    onlyProxy({ HTTP_PROXY: `http://127.0.0.1:${await freePort()}` });
    expect((await get(await answering(200, '{}'))).status).toBe(200);
  });

  test('to a host whose name leads nowhere had no effect', async () => {
    onlyProxy();
    expect((await errorOf(post('https://nowhere.invalid'))).code).toBe('UNAVAILABLE');
  });
});
