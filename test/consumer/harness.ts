import { connect } from '../../consumer/connect.ts';
import type { Connection, ConnectOptions } from '../../consumer/connect.ts';
import { missingEvidence } from '../../domain/gate.ts';
import { credential, openWorld } from '../control/http-api/world.ts';

/** The SDK against the real surface, ledger and vault, with a provider that refuses what it does not accept. */
export async function openHarness() {
  const world = await openWorld(['web']);
  const token = await world.token('web');
  const accepts = new Set<string>();
  const problems: unknown[] = [];
  const changes: number[] = [];
  const open: Connection[] = [];
  const evidence = () => world.ledger.evidence(credential);

  return {
    world,
    token,
    accepts,
    problems,
    changes,

    start(options: Partial<ConnectOptions> = {}): Connection {
      const connection = connect({
        url: world.url(),
        token,
        credential,
        consumer: 'web',
        instance: 'web-0',
        lease: 60_000,
        avoidRefused: 0,
        onChange: ({ epoch }) => changes.push(epoch),
        onProblem: (problem) => problems.push(problem),
        ...options,
      });
      open.push(connection);
      return connection;
    },

    /** What the application does with the credential. */
    work: ({ api_key = '' }: Readonly<Record<string, string>>): string => {
      if (accepts.has(api_key)) return api_key;
      throw Object.assign(new Error('refused'), { status: 401 });
    },

    async rotate() {
      const made = await world.rotate();
      accepts.add(made.value);
      return made;
    },

    proved: async () => (await evidence()).evidence.some(({ kind, withdrawn }) => kind === 'possession' && !withdrawn),

    missing: async () => missingEvidence(await evidence(), await world.ledger.clock()),

    async close() {
      await Promise.all(open.map((connection) => connection.close()));
      await world.close();
    },
  };
}

/** Where a call of `fetch` goes. */
export const urlOf = (asked: Parameters<typeof fetch>[0]): string =>
  typeof asked === 'string' ? asked : asked instanceof URL ? asked.href : asked.url;

export type Harness = Awaited<ReturnType<typeof openHarness>>;
