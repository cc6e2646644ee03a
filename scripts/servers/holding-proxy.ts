import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** What is held back, told by what a client sends: one HTTP request line, one statement. */
export interface HoldRule {
  readonly sent: RegExp;
  /**
   * `request`: the server never sees it. `answer`: it takes effect, and nobody hears of it. `passed`: nothing is held;
   * resolves when the answer has gone through.
   */
  readonly holds: 'request' | 'answer' | 'passed';
  /** The answer is the first one that matches: of a statement inside a transaction, the one to its commit. */
  readonly answered?: RegExp;
}

export interface HoldingProxy {
  readonly port: number;
  /** Applies once. */
  hold(rule: HoldRule): Hold;
  /** What is held goes on as if nothing had been. */
  release(): void;
  /** What is held is lost: both sides of its connection are cut. */
  drop(): void;
  /** Rules that did not apply are forgotten. */
  forget(): void;
  close(): Promise<void>;
}

export interface Hold {
  /** Resolves when what it is about is held, or has passed. */
  readonly applied: Promise<void>;
  /** It is held now: whoever sent it has not given up. */
  stands(): boolean;
}

interface Waiting {
  readonly rule: HoldRule;
  readonly applied: () => void;
  connection?: Socket;
}

interface Held {
  go(): void;
  cut(): void;
}

/** Stands between a client and a server on 127.0.0.1, whatever they speak, and passes everything on but what it holds. */
export async function startHoldingProxy(serverPort: number): Promise<HoldingProxy> {
  let waiting: Waiting[] = [];
  const held = new Set<Held>();
  const open = new Set<Socket>();

  const proxy = createServer((client) => {
    const server = connect(serverPort, '127.0.0.1');
    let matched: Waiting | undefined;
    let kept: { readonly to: Socket; readonly bytes: Buffer[] } | undefined;
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        // A server may have said its last word, and it is held: then the other side hears of neither.
        if (kept?.to !== other || other !== client) other.destroy();
      });
    }

    function keep(to: Socket, bytes: Buffer, found: Waiting): void {
      found.connection = client;
      const keeping = { to, bytes: [bytes] };
      kept = keeping;
      const entry: Held = {
        go() {
          kept = undefined;
          if (!to.destroyed) for (const one of keeping.bytes) to.write(one);
          if (to === client && server.destroyed) client.end();
        },
        cut() {
          client.destroy();
          server.destroy();
        },
      };
      held.add(entry);
      found.applied();
    }

    client.on('data', (bytes) => {
      if (kept?.to === server) return void kept.bytes.push(bytes);
      const text = waiting.length > 0 && matched === undefined ? bytes.toString('latin1') : undefined;
      const found = text === undefined ? undefined : waiting.find(({ rule }) => rule.sent.test(text));
      if (found !== undefined) {
        waiting = waiting.filter((one) => one !== found);
        if (found.rule.holds === 'request') return keep(server, bytes, found);
        matched = found;
      }
      server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (kept?.to === client) return void kept.bytes.push(bytes);
      if (matched === undefined || matched.rule.answered?.test(bytes.toString('latin1')) === false)
        return void client.write(bytes);
      const found = matched;
      matched = undefined;
      if (found.rule.holds === 'answer') return keep(client, bytes, found);
      // Whoever waits for this acts before the client can have read it.
      found.applied();
      client.write(bytes);
    });
  });
  await new Promise<void>((done, failed) => proxy.once('error', failed).listen(0, '127.0.0.1', done));
  // A listening TCP server always has an AddressInfo; a string would be a pipe.
  const { port } = proxy.address() as AddressInfo;

  function each(act: (one: Held) => void): void {
    for (const one of held) act(one);
    held.clear();
  }

  return {
    port,
    hold(rule) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const entry: Waiting = { rule, applied: resolve };
      waiting.push(entry);
      return { applied: promise, stands: () => entry.connection?.destroyed === false };
    },
    release: () => each((one) => one.go()),
    drop: () => each((one) => one.cut()),
    forget: () => void (waiting = []),
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise<void>((done) => proxy.close(() => done()));
    },
  };
}
