import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface AnswerHoldingProxy {
  readonly port: number;
  /** Holds back the answer to the next commit of a new password; resolves once the server has committed it. */
  holdNextCommit(): Promise<void>;
  /** Cuts every connection whose answer is held back: it is never delivered. */
  drop(): void;
  close(): Promise<void>;
}

/**
 * Stands between the worker and PostgreSQL. It passes everything on as it is, but for one thing on demand: what the
 * server answers to a commit stays here.
 */
export async function startAnswerHoldingProxy(serverPort: number): Promise<AnswerHoldingProxy> {
  let armed: (() => void) | undefined;
  const held = new Set<Socket>();
  const open = new Set<Socket>();

  const proxy = createServer((client) => {
    const server = connect(serverPort, '127.0.0.1');
    let commits = false;
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
    client.on('data', (bytes) => {
      if (armed !== undefined && bytes.includes("password 'SCRAM-SHA-256$") && bytes.includes('commit')) commits = true;
      server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (held.has(client)) return;
      if (!commits || !bytes.includes('COMMIT\0')) return void client.write(bytes);
      commits = false;
      held.add(client);
      armed?.();
      armed = undefined;
    });
  });
  await new Promise<void>((done, failed) => proxy.once('error', failed).listen(0, '127.0.0.1', done));
  // A listening TCP server always has an AddressInfo; a string would be a pipe.
  const { port } = proxy.address() as AddressInfo;

  return {
    port,
    holdNextCommit: () => new Promise<void>((done) => (armed = done)),
    drop() {
      for (const client of held) client.destroy();
      held.clear();
    },
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise<void>((done) => proxy.close(() => done()));
    },
  };
}
