import { readFileSync } from 'node:fs';
import { createClient } from '@redis/client';
import { KeybatonError } from '../../domain/errors.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import type { Call } from '../provider.ts';
import { nodeFailure, replyCode } from './failures.ts';
import type { Node, RedisSettings } from './settings.ts';

/** One connection that ends with the call. */
export interface Session {
  readonly node: Node;
  /** A command without an effect. */
  ask(...command: readonly string[]): Promise<unknown>;
  /** A command with an effect: not sent after the deadline. From then on, whatever ends the session early is AMBIGUOUS. */
  tell(...command: readonly string[]): Promise<unknown>;
}

export async function withSession<Answer>(
  settings: RedisSettings,
  node: Node,
  login: SecretMaterial,
  call: Call,
  act: (session: Session) => Promise<Answer>,
  /** Sees what was thrown before it becomes one of our errors. */
  onThrown: (thrown: unknown) => void = () => {},
): Promise<Answer> {
  refuseIfTooLate(call);
  const { username, password } = login.reveal();
  if (username === undefined || password === undefined)
    throw new KeybatonError('INVALID_CONFIG', 'a redis login needs the fields username and password');
  const left = Math.max(1, Math.ceil(Math.min(call.deadline - call.now(), settings.callTimeout)));
  const signal = AbortSignal.any([call.signal, AbortSignal.timeout(left)]);
  const client = createClient({
    username,
    password,
    socket: { ...addressOf(settings, node), connectTimeout: left, reconnectStrategy: false },
    RESP: 2,
    // It would tell the server who we are by commands that an application's user may not have.
    disableClientInfo: true,
  });
  // The command under way reports it; without a listener the process would end.
  client.on('error', () => {});
  let begun = false;
  const endsBySignal = new Promise<never>((_, refuse) => {
    signal.addEventListener('abort', () => refuse(new Error('given up')), { once: true });
  });
  endsBySignal.catch(() => {});
  const answered = async (command: readonly string[]): Promise<unknown> =>
    Promise.race([client.sendCommand(command), endsBySignal]);
  try {
    await Promise.race([client.connect(), endsBySignal]);
    return await act({
      node,
      ask: (...command) => answered(command),
      async tell(...command) {
        refuseIfTooLate(call);
        const before = begun;
        begun = true;
        try {
          return await answered(command);
        } catch (thrown) {
          // It answered that it did not do this one.
          if (replyCode(thrown) !== undefined) begun = before;
          throw thrown;
        }
      },
    });
  } catch (thrown) {
    onThrown(thrown);
    throw nodeFailure(thrown, node, begun);
  } finally {
    client.destroy();
  }
}

export function refuseIfTooLate(call: Call): void {
  if (call.signal.aborted) throw new KeybatonError('UNAVAILABLE', 'the call was given up before it was sent');
  if (call.now() >= call.deadline)
    throw new KeybatonError('UNAVAILABLE', 'too late: nothing was sent after the deadline');
}

function addressOf(settings: RedisSettings, { host, port }: Node) {
  if (settings.tls === 'off') return { host, port };
  const ca = settings.caFile === undefined ? {} : { ca: readFileSync(settings.caFile, 'utf8') };
  return { host, port, tls: true as const, rejectUnauthorized: settings.tls === 'verify', ...ca };
}
