import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { Client } from 'pg';
import { KeybatonError } from '../../domain/errors.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import type { Call } from '../provider.ts';
import { connectionFailure, lostCommit } from './failures.ts';
import type { PostgresRolesSettings } from './settings.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly database: string;
}

/** One connection that ends with the call: at its deadline, when it is given up, or when `act` is done. */
export interface Session {
  query<Row>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** Sends the last statements of a transaction together with its COMMIT. When the answer is lost: AMBIGUOUS. */
  commit(statements: readonly string[]): Promise<void>;
}

/**
 * The server-side ends of a session that outlives its caller: a process that is stopped between two statements, and
 * wakes up later, finds its transaction rolled back and its advisory lock gone.
 */
const serverTimeouts = [
  'statement_timeout',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'transaction_timeout',
];

export async function withSession<Answer>(
  settings: PostgresRolesSettings,
  endpoint: Endpoint,
  login: SecretMaterial,
  call: Call,
  act: (session: Session) => Promise<Answer>,
  /** Sees what was thrown before it becomes one of our errors. */
  onThrown: (thrown: unknown) => void = () => {},
): Promise<Answer> {
  refuseIfTooLate(call);
  const left = Math.max(1, Math.ceil(call.deadline - call.now()));
  const signal = AbortSignal.any([call.signal, AbortSignal.timeout(Math.min(left, settings.callTimeout))]);
  const { username, password } = login.reveal();
  if (username === undefined || password === undefined) {
    throw new KeybatonError('INVALID_CONFIG', 'a postgresql login needs the fields username and password');
  }
  const socket = new Socket();
  const client = new Client({
    host: endpoint.host,
    port: endpoint.port,
    database: endpoint.database,
    user: username,
    password,
    ssl: tlsOf(settings, endpoint),
    application_name: 'keybaton',
    connectionTimeoutMillis: Math.min(left, settings.callTimeout),
    stream: () => socket,
  });
  // A session that the server ends says so here as well; the query under way reports it.
  client.on('error', () => {});
  const giveUp = (): void => void socket.destroy();
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    await client.connect();
    const timeouts = 'select set_config(name, $1, false) from pg_catalog.pg_settings where name = any($2)';
    await client.query(timeouts, [String(left), serverTimeouts]);
    return await act(sessionOver(client, call, endpoint));
  } catch (thrown) {
    onThrown(thrown);
    throw connectionFailure(thrown, endpoint);
  } finally {
    await client.end().catch(() => {});
    signal.removeEventListener('abort', giveUp);
    socket.destroy();
  }
}

function sessionOver(client: Client, call: Call, endpoint: Endpoint): Session {
  return {
    async query<Row>(text: string, values: readonly unknown[] = []) {
      const { rows } = await client.query(text, [...values]);
      // The statement decides the shape of its rows; each caller names what it selected.
      return rows as Row[];
    },
    async commit(statements) {
      refuseIfTooLate(call);
      try {
        await client.query([...statements, 'commit'].join(';\n'));
      } catch (thrown) {
        throw lostCommit(thrown, endpoint);
      }
    },
  };
}

export function refuseIfTooLate(call: Call): void {
  if (call.signal.aborted) throw new KeybatonError('UNAVAILABLE', 'the call was given up before it was sent');
  if (call.now() >= call.deadline)
    throw new KeybatonError('UNAVAILABLE', 'too late: nothing was sent after the deadline');
}

function tlsOf(settings: PostgresRolesSettings, { host }: Endpoint): false | ConnectionOptions {
  if (settings.tls === 'off') return false;
  const ca = settings.caFile === undefined ? {} : { ca: readFileSync(settings.caFile, 'utf8') };
  // Without `host` a certificate for an address would be compared with the name "localhost".
  return { host, rejectUnauthorized: settings.tls === 'verify', ...ca };
}
