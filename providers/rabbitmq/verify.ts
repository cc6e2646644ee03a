import { readFileSync } from 'node:fs';
import { connect } from 'amqplib';
import { KeybatonError } from '../../domain/errors.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import type { Call, Verdict } from '../provider.ts';
import type { RabbitMqTarget } from './settings.ts';

/** Logs in by AMQP, as consumers do: that needs no tag, which the HTTP API would ask for. */
export async function verify({ settings }: RabbitMqTarget, material: SecretMaterial, call: Call): Promise<Verdict> {
  const { username, password } = material.reveal();
  if (username === undefined || password === undefined)
    throw new KeybatonError('INVALID_CONFIG', 'a rabbitmq login needs the fields username and password');
  const left = Math.ceil(Math.min(call.deadline - call.now(), settings.callTimeout));
  if (call.signal.aborted || left <= 0)
    throw new KeybatonError('UNAVAILABLE', 'the call was given up before anything was sent');
  const { host, tls, caFile } = settings;
  const port = settings.port ?? (tls === 'off' ? 5672 : 5671);
  const signal = AbortSignal.any([call.signal, AbortSignal.timeout(left)]);
  const address = {
    protocol: tls === 'off' ? 'amqp' : 'amqps',
    hostname: host,
    port,
    username,
    password,
    vhost: encodeURIComponent(settings.vhost),
  };
  // The socket ends by the time-out even when nobody waits for it any more.
  const options = { timeout: left, signal, ...(caFile !== undefined && { ca: readFileSync(caFile, 'utf8') }) };
  const givenUp = new Promise<never>((_, refuse) => {
    signal.addEventListener('abort', () => refuse(new Error('given up')), { once: true });
  });
  givenUp.catch(() => {});
  try {
    const connection = await Promise.race([connect(address, options), givenUp]);
    connection.on('error', () => {});
    await connection.close().catch(() => {});
    return 'accepted';
  } catch (thrown) {
    const verdict = verdictOf(thrown);
    if (verdict !== undefined) return verdict;
    throw new KeybatonError('UNAVAILABLE', `rabbitmq at ${host}:${port} does not let us ask (${systemCode(thrown)})`);
  }
}

/** The client tells it in words alone, which it composes of what the protocol says: reply code 403, frame of connection.close. */
function verdictOf(thrown: unknown): Verdict | undefined {
  if (!(thrown instanceof Error)) return undefined;
  if (/^Handshake terminated by server: 403 \(ACCESS-REFUSED\)/.test(thrown.message)) return 'refused';
  // Closed in answer to connection.open: after the password was accepted, for the vhost.
  return /^Expected ConnectionOpenOk; got <ConnectionClose\b/.test(thrown.message) ? 'forbidden' : undefined;
}

function systemCode(thrown: unknown): string {
  if (typeof thrown === 'object' && thrown !== null && 'code' in thrown && typeof thrown.code === 'string')
    return thrown.code;
  return 'no answer';
}
