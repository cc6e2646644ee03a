import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type RequestListener } from 'node:http';
import { createServer as createSecureServer, request as secureRequest } from 'node:https';
import { certificate, privateKey } from '../outbound/self-signed.ts';

export interface AnswerLosingProxy {
  readonly url: string;
  readonly lost: () => boolean;
  readonly close: () => Promise<void>;
}

const byMethod = ({ method, url = '' }: IncomingMessage) => method !== 'GET' && !url.includes('/auth/');

/** Passes everything on, but cuts the connection instead of giving back the answer to the first write. */
export async function answerLosingProxy(
  target: string,
  isWrite: (incoming: IncomingMessage) => boolean = byMethod,
): Promise<AnswerLosingProxy> {
  let lost = false;
  const secure = target.startsWith('https:');
  const listener: RequestListener = (incoming, outgoing) => {
    const upstream = (secure ? secureRequest : request)(
      `${target}${incoming.url ?? ''}`,
      { method: incoming.method, headers: incoming.headers, ...(secure && { ca: certificate }) },
      (answer) => {
        if (isWrite(incoming) && !lost) {
          lost = true;
          // Only when the server has answered: the effect is there.
          answer.resume().once('end', () => incoming.socket.destroy());
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    upstream.once('error', () => incoming.socket.destroy());
    incoming.pipe(upstream);
  };
  const server = secure ? createSecureServer({ key: privateKey, cert: certificate }, listener) : createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy got no port');
  return {
    url: `${secure ? 'https://localhost' : 'http://127.0.0.1'}:${String(address.port)}`,
    lost: () => lost,
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
