import { once } from 'node:events';
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type RequestListener } from 'node:http';
import { createServer as createSecureServer, request as secureRequest } from 'node:https';
import { join } from 'node:path';
import { certificate, privateKey } from '../outbound/self-signed.ts';
import { arrivedFile, muteFolder } from './held-calls.ts';

export interface MuteProxy {
  readonly url: string;
  /** Answers that are held are lost. */
  drop(): void;
  close(): Promise<void>;
}

/**
 * Stands between a worker and its backend. While a file in `muteFolder` names a credential and a number, that many writes
 * about it go through, and the answer to the last of them is held when the backend has given it: it took effect, and
 * nobody heard of it.
 */
export async function muteProxy(target: string, folder: string): Promise<MuteProxy> {
  const secure = target.startsWith('https:');
  const written = new Map<string, number>();
  const held = new Set<() => void>();

  /** The credential, if this is the write about it whose answer is to be held. */
  function due(incoming: IncomingMessage, body: string, status: number): string | undefined {
    if (!isWrite(incoming) || status >= 400) return undefined;
    const about = plain(`${incoming.url ?? ''} ${body}`);
    for (const label of readdirSync(muteFolder(folder))) {
      if (!new RegExp(`${plain(label)}(?![0-9])`).test(about)) continue;
      const number = Number(readFileSync(join(muteFolder(folder), label), 'utf8'));
      const before = written.get(label) ?? 0;
      written.set(label, before + 1);
      if (before + 1 === number) return label;
    }
    return undefined;
  }

  const listener: RequestListener = (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.once('end', () => {
      const sent = Buffer.concat(chunks);
      const upstream = (secure ? secureRequest : request)(
        `${target}${incoming.url ?? ''}`,
        { method: incoming.method, headers: incoming.headers, ...(secure && { ca: certificate }) },
        (answer) => {
          const label = due(incoming, sent.toString('utf8'), answer.statusCode ?? 0);
          if (label === undefined) {
            outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
            return void answer.pipe(outgoing);
          }
          held.add(() => incoming.socket.destroy());
          // Only when the server has answered: the effect is there.
          answer.resume().once('end', () => appendFileSync(arrivedFile(folder), `${label}\n`));
        },
      );
      upstream.once('error', () => incoming.socket.destroy());
      upstream.end(sent);
    });
  };
  const server = secure ? createSecureServer({ key: privateKey, cert: certificate }, listener) : createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy got no port');
  const drop = (): void => {
    for (const one of held) one();
    held.clear();
    written.clear();
  };
  return {
    url: `${secure ? 'https://localhost' : 'http://127.0.0.1'}:${String(address.port)}`,
    drop,
    close: async () => {
      drop();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** Names are written in many ways in addresses and bodies. */
const plain = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]+/g, '_');

function isWrite({ method = '', url = '', headers }: IncomingMessage): boolean {
  const awsOperation = headers['x-amz-target'];
  if (awsOperation !== undefined) return /\.(Create|Put|Update|Delete)/.test(String(awsOperation));
  // Azure's client asks once without a token, to be told where to sign in.
  const signedIn = headers.authorization !== undefined || headers['x-vault-token'] !== undefined;
  return signedIn && !['GET', 'HEAD', 'LIST'].includes(method) && !url.includes('/auth/');
}
