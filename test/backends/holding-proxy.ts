import { once } from 'node:events';
import { createServer, request } from 'node:http';

export interface HoldingProxy {
  readonly url: string;
  /** Resolves when a write to this path has arrived; it is held until `release`. */
  readonly held: Promise<void>;
  release(): void;
  /** From now on every connection is cut, as when a network goes down. */
  cut(): void;
  readonly close: () => Promise<void>;
}

/** Passes all on, but holds the first write to `path` back before the server has seen it. */
export async function holdingProxy(target: string, path: string): Promise<HoldingProxy> {
  const arrived = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  let first = true;
  let down = false;
  const server = createServer((incoming, outgoing) => {
    const pass = () => {
      const options = { method: incoming.method, headers: incoming.headers };
      const upstream = request(`${target}${incoming.url ?? ''}`, options, (answer) => {
        if (down) {
          answer.resume().once('end', () => incoming.socket.destroy());
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      upstream.once('error', () => incoming.socket.destroy());
      incoming.pipe(upstream);
    };
    if (down) {
      incoming.socket.destroy();
    } else if (first && incoming.method === 'POST' && incoming.url === `/v1/secret/data/${path}`) {
      first = false;
      arrived.resolve();
      void released.promise.then(pass);
    } else {
      pass();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy got no port');
  return {
    url: `http://127.0.0.1:${String(address.port)}`,
    held: arrived.promise,
    release: () => released.resolve(),
    cut: () => {
      down = true;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
