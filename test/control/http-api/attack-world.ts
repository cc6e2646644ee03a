import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { exportJWK, SignJWT } from 'jose';
import { openAccessLog } from '../../../control/access/access-log.ts';
import { openAccessFile } from '../../../control/access/access-reader.ts';
import { openConsumerTokens } from '../../../control/access/consumer-tokens.ts';
import { openWorkloads } from '../../../control/access/workloads.ts';
import { openKeptAnswers } from '../../../control/http-api/people/kept-answers.ts';
import { defaultLimits } from '../../../control/http-api/people/limits.ts';
import { withoutProviders } from '../../../control/http-api/people/without-providers.ts';
import { startHttpApi } from '../../../control/http-api/start.ts';
import type { HttpApiOptions } from '../../../control/http-api/start.ts';
import { makeConsumerToken } from '../../../control/operations/consumer-token.ts';
import type { CredentialId } from '../../../domain/identifiers.ts';
import { openAccessWorld } from '../access/access-world.ts';
import { openBench } from '../bench.ts';
import { bot, inventory, targets } from '../emergency-inventory.ts';

export const cluster = 'https://kubernetes.default.svc';
const seconds = (milliseconds: number): number => Math.floor(milliseconds / 1_000);

/** An API as it is deployed, over a real access.yml and a real ledger, beside a listener that should never hear of it. */
export async function openAttackWorld(options: Pick<HttpApiOptions, 'requestTimeout'> = {}) {
  const bench = await openBench();
  const pair = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' };
  const [issuer, listener] = [await listen(JSON.stringify({ keys: [jwk] })), await listen('{"keys":[]}')];
  const access = await openAccessWorld(`
url: https://keybaton.example
session: 1h
issuers:
  company: { issuer: https://login.example, clientId: keybaton }
grants:
  - { group: sre, role: oncall }
  - { group: search, role: team, teams: [search] }
  - { group: all, role: admin }
workloads:
  cluster:
    issuer: ${cluster}
    audience: keybaton
    jwks: ${issuer.url}/keys
    rules:
      - { subject: 'system:serviceaccount:search:bot', credential: ${bot}, consumer: web }
`);
  const file = await openAccessFile(access.path, () => undefined);
  if (file === undefined) throw new Error('there is no access file');
  const { people, key, desk } = access;
  const now = (): number => Date.now();
  const kept = await openKeptAnswers({ file: join(bench.folder, 'kept.jsonl'), hashKey: new Uint8Array(32), now });
  const accessLog = await openAccessLog(join(bench.folder, 'access.jsonl'));
  const tokens = openConsumerTokens(join(bench.folder, 'consumer-tokens.jsonl'));
  const logged: string[] = [];
  const api = await startHttpApi({
    ports: bench.ports,
    tokens,
    accessLog,
    checkProof: () => false,
    port: 0,
    ...options,
    pingEvery: 50,
    closeWithin: 200,
    log: { write: (line) => void logged.push(line) },
    workloads: openWorkloads(file, now),
    people: {
      people,
      kept,
      session: (principal) => people.session(principal),
      limits: { ...defaultLimits, refusals: 10_000, starts: 10_000, calls: 100_000 },
      pace: { askEvery: 20, pingEvery: 50 },
      ports: withoutProviders({
        ports: async () => bench.ports,
        incidentPorts: async () => bench.incidents.ports,
        access: desk,
      }),
    },
  });
  await bench.apply(inventory, targets);

  /** Signed with the very key of the installation, or with any other: what a session says is up to the test. */
  const forged = (claims: Record<string, unknown>, header: Record<string, unknown> = {}, seed?: Uint8Array) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: 'EdDSA', kid: key.id, typ: 'JWT', ...header })
      .sign(ed25519(seed ?? key.derive('access-tokens')));

  return {
    ...bench,
    access,
    tokens,
    logged,
    issuer,
    listener,
    pair,
    forged,
    url: () => api.url,
    claims: (more: Record<string, unknown> = {}) => ({
      jti: randomBytes(16).toString('hex'),
      ...{ iss: 'keybaton', aud: 'keybaton/session', iat: seconds(now()), exp: seconds(now()) + 600 },
      who: { by: 'oidc', issuer: 'company', subject: 'sub-eve', name: 'eve', groups: ['all'] },
      ...more,
    }),
    /** As the cluster makes them, unless told otherwise. */
    workload: (more: Record<string, unknown> = {}, header: Record<string, unknown> = {}) =>
      new SignJWT({
        ...{ iss: cluster, aud: 'keybaton', iat: seconds(now()), exp: seconds(now()) + 600 },
        sub: 'system:serviceaccount:search:bot',
        ...more,
      })
        .setProtectedHeader({ alg: 'RS256', kid: 'one', ...header })
        .sign(pair.privateKey),
    async signIn(subject: string, group: string, name = `${subject}@example.com`): Promise<string> {
      return (await people.signIn({ by: 'oidc', issuer: 'company', subject, name, groups: [group] })).token;
    },
    async consumerToken(credential: CredentialId, consumer: string): Promise<{ id: string; token: string }> {
      const { record, token } = await makeConsumerToken({ ...bench.ports, random: randomBytes }, tokens, {
        credential,
        consumer,
        actor: 'os:test',
      });
      return { id: record.id, token };
    },
    async ask(method: string, path: string, headers: Record<string, string> = {}, body?: string) {
      const response = await fetch(api.url + path, { method, headers, body: body ?? null, redirect: 'manual' });
      return { status: response.status, headers: response.headers, text: await response.text() };
    },
    /** What the server says to these very bytes until it hangs up, or until `enough` of it has come. */
    raw: (write: string | ((send: (text: string) => boolean) => void), enough = /\r\n\r\n/) =>
      raw(Number(new URL(api.url).port), write, enough),
    async close() {
      await api.close();
      await kept.close();
      await accessLog.close();
      await access.close();
      await bench.close();
      await Promise.all([issuer.close(), listener.close()]);
    },
  };
}

export type AttackWorld = Awaited<ReturnType<typeof openAttackWorld>>;

export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
export const statusOf = (said: string): string => said.split(' ')[1] ?? 'hung up';

export const ed25519 = (seed: Uint8Array) =>
  createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]),
    format: 'der',
    type: 'pkcs8',
  });

async function listen(answer: string) {
  const heard: string[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    heard.push(`${String(request.method)} ${String(request.url)} ${JSON.stringify(request.headers)}`);
    response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    heard,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

function raw(
  port: number,
  write: string | ((send: (text: string) => boolean) => void),
  enough: RegExp,
): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let said = '';
    const end = (): void => {
      socket.destroy();
      resolve(said);
    };
    socket.on('data', (part) => {
      said += part.toString('latin1');
      if (enough.test(said)) end();
    });
    socket.on('close', end);
    socket.on('error', end);
    socket.on('connect', () => {
      if (typeof write === 'string') socket.write(write);
      else write((text) => !socket.destroyed && socket.write(text));
    });
  });
}
