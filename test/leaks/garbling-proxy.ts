import { createServer, request } from 'node:http';

export interface GarblingProxy {
  readonly url: string;
  /** The next answers to creates are cut in their middle, which is inside the value: what is left is no JSON. */
  garble(times: number): void;
  readonly garbled: () => number;
  close(): void;
}

/** Stands before a provider's HTTP API and passes everything on, until it is told to garble. */
export async function startGarblingProxy(upstream: string): Promise<GarblingProxy> {
  let left = 0;
  let garbled = 0;
  const server = createServer((incoming, outgoing) => {
    const { method = 'GET', url = '/', headers } = incoming;
    const passed = request(new URL(url, upstream), { method, headers: { ...headers, host: new URL(upstream).host } });
    passed.on('error', () => outgoing.destroy());
    passed.on('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const whole = Buffer.concat(chunks);
        const cut = method === 'POST' && left > 0 && answer.statusCode === 200;
        if (cut) {
          left -= 1;
          garbled += 1;
        }
        const value = whole.indexOf('"value"');
        const body = cut ? whole.subarray(0, Math.max(value, 0) + 60) : whole;
        outgoing.writeHead(answer.statusCode ?? 502, { 'content-type': 'application/json' }).end(body);
      });
    });
    incoming.pipe(passed);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const at = server.address();
  if (at === null || typeof at === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${at.port}`,
    garble: (times) => void (left += times),
    garbled: () => garbled,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
