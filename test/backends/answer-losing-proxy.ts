import { once } from 'node:events';
import { createServer, request } from 'node:http';

export interface AnswerLosingProxy {
  readonly url: string;
  readonly lost: () => boolean;
  readonly close: () => Promise<void>;
}

/** Passes everything on, but cuts the connection instead of giving back the answer to the first write. */
export async function answerLosingProxy(target: string): Promise<AnswerLosingProxy> {
  let lost = false;
  const server = createServer((incoming, outgoing) => {
    const upstream = request(
      `${target}${incoming.url ?? ''}`,
      { method: incoming.method, headers: incoming.headers },
      (answer) => {
        const isWrite = incoming.method !== 'GET' && !(incoming.url ?? '').includes('/auth/');
        if (isWrite && !lost) {
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
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy got no port');
  return {
    url: `http://127.0.0.1:${String(address.port)}`,
    lost: () => lost,
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
