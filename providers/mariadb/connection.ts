import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { getCACertificates } from 'node:tls';
import { createConnection } from 'mariadb';
import type { Connection, ConnectionConfig } from 'mariadb';
import { KeybatonError } from '../../domain/errors.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import type { Call } from '../provider.ts';
import { dialectOf } from './dialect.ts';
import type { Dialect } from './dialect.ts';
import { connectionFailure, nothingDone } from './failures.ts';
import type { Endpoint } from './failures.ts';
import type { MariadbSettings, MariadbTarget } from './settings.ts';

/** One connection that ends with the call: at its deadline, when it is given up, or when `act` is done. */
export interface Session {
  readonly dialect: Dialect;
  query<Row>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** Sends a statement that changes something, and at once lasts. When its answer is lost: AMBIGUOUS. */
  change(text: string): Promise<void>;
}

interface Login {
  readonly material: SecretMaterial;
  readonly database?: string;
}

/** A session of the admin on the primary. */
export async function asAdmin<Answer>(
  target: MariadbTarget,
  call: Call,
  act: (session: Session) => Promise<Answer>,
): Promise<Answer> {
  refuseIfTooLate(call);
  return withSession(target.settings, target.settings, { material: await target.admin() }, call, act);
}

/** Sessions of the admin on every other host where consumers have sessions. */
export async function onReplicas<Answer>(
  target: MariadbTarget,
  call: Call,
  act: (session: Session) => Promise<Answer>,
): Promise<readonly Answer[]> {
  const login = { material: await target.admin() };
  return Promise.all(target.settings.hosts.map((host) => withSession(target.settings, host, login, call, act)));
}

export async function withSession<Answer>(
  settings: MariadbSettings,
  endpoint: Endpoint,
  login: Login,
  call: Call,
  act: (session: Session) => Promise<Answer>,
  /** Sees what was thrown before it becomes one of our errors. */
  onThrown: (thrown: unknown) => void = () => {},
): Promise<Answer> {
  refuseIfTooLate(call);
  const left = Math.max(1, Math.min(Math.ceil(call.deadline - call.now()), settings.callTimeout));
  const ending = AbortSignal.any([call.signal, AbortSignal.timeout(left)]);
  const sockets: Socket[] = [];
  const givenUp = new Promise<never>((_, refuse) => {
    ending.addEventListener('abort', () => refuse(new KeybatonError('UNAVAILABLE', tooSlow(endpoint))), { once: true });
  });
  givenUp.catch(() => {});
  // The library does not notice every end of a socket: whoever waits is told by us.
  const bounded = <Thing>(doing: Promise<Thing>): Promise<Thing> => Promise.race([doing, givenUp]);
  try {
    const connection = await bounded(createConnection(configOf(settings, endpoint, login, left, sockets)));
    // A session that the server ends says so here as well; the statement under way reports it.
    connection.on('error', () => {});
    const session = sessionOver(connection, bounded, call, endpoint);
    // A statement that waits for a lock must not be done long after we have gone.
    for (const text of session.dialect.limits(Math.ceil(left / 1000))) await bounded(connection.query(text));
    const answer = await act(session);
    // An orderly end, or the server would count an aborted client.
    await bounded(connection.end()).catch(() => {});
    return answer;
  } catch (thrown) {
    onThrown(thrown);
    throw connectionFailure(thrown, endpoint);
  } finally {
    // Not `connection.destroy`: with a statement under way it would open another connection to kill it.
    for (const socket of sockets) socket.destroy();
  }
}

const tooSlow = ({ host, port }: Endpoint): string => `the database at ${host}:${port} did not answer in time`;

function sessionOver(
  connection: Connection,
  bounded: <Thing>(doing: Promise<Thing>) => Promise<Thing>,
  call: Call,
  endpoint: Endpoint,
): Session {
  return {
    dialect: dialectOf(connection.serverVersion()),
    async query<Row>(text: string, values: readonly unknown[] = []) {
      // The statement decides the shape of its rows; each caller names what it selected.
      return bounded(connection.query<Row[]>(text, [...values]));
    },
    async change(text) {
      refuseIfTooLate(call);
      try {
        await bounded(connection.query(text));
      } catch (thrown) {
        if (nothingDone(thrown)) throw thrown;
        const at = `${endpoint.host}:${endpoint.port}`;
        throw new KeybatonError('AMBIGUOUS', `the database at ${at} took a statement and did not answer`);
      }
    },
  };
}

export function refuseIfTooLate(call: Call): void {
  if (call.signal.aborted) throw new KeybatonError('UNAVAILABLE', 'the call was given up before it was sent');
  if (call.now() >= call.deadline)
    throw new KeybatonError('UNAVAILABLE', 'too late: nothing was sent after the deadline');
}

/** A server must not talk us into showing the password in clear text, nor send us to another server. The library's types leave both out. */
const trustLittle: object = {
  restrictedAuth: ['mysql_native_password', 'client_ed25519', 'caching_sha2_password', 'parsec'],
  permitRedirect: false,
};

function configOf(
  settings: MariadbSettings,
  { host, port }: Endpoint,
  { material, database }: Login,
  left: number,
  sockets: Socket[],
): ConnectionConfig {
  const { username, password } = material.reveal();
  if (username === undefined || password === undefined)
    throw new KeybatonError('INVALID_CONFIG', 'a database login needs the fields username and password');
  return {
    ...{ host, port, user: username, password, connectTimeout: left },
    ...(database !== undefined && { database }),
    ...(settings.tls !== 'off' && { ssl: tlsOf(settings, host) }),
    ...trustLittle,
    bigIntAsNumber: true,
    stream: (use) => {
      const socket = connect(port, host).setNoDelay(true);
      sockets.push(socket);
      use(undefined, socket);
    },
  };
}

function tlsOf({ tls, caFile }: MariadbSettings, host: string): NonNullable<ConnectionConfig['ssl']> {
  // With authorities named the library verifies before it logs in; without, it trusts newer servers' own word.
  const ca = caFile === undefined ? getCACertificates('default') : readFileSync(caFile, 'utf8');
  // Without `host` a certificate would be compared with the name "localhost".
  return Object.assign({ ca, rejectUnauthorized: tls === 'verify' }, { host });
}
