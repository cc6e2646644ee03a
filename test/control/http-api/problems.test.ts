import { chmod } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { KeybatonError } from '../../../domain/errors.ts';
import { base, openWorld } from './world.ts';
import type { World } from './world.ts';

let world: World;
let token: string;
beforeEach(async () => {
  world = await openWorld(['web'], { requestTimeout: 1_000 });
  token = await world.token('web');
});
afterEach(() => world.close());

const canary = 'canary-5a1f0c9e77';

test('every mistake in a body is named by its path, and what was sent is not quoted', async () => {
  const body = { version: canary, epoch: -1, instance: '', boot: canary.repeat(20), proof: canary };
  const answer = await world.ask('POST', `${base}/proofs`, { token, body });
  expect([answer.status, answer.json]).toMatchObject([400, { code: 'INVALID_CONFIG', status: 400 }]);
  for (const path of ['version', 'epoch', 'instance', 'boot', 'proof']) expect(answer.text).toContain(`${path}: `);
  expect(answer.text).not.toContain(canary);
});

test.each([
  ['no JSON', `{"proof": ${canary}`, 400],
  ['a body that is no object', JSON.stringify(canary), 400],
  ['an empty body', '', 400],
  ['a body over 64 KiB', JSON.stringify({ proof: canary.repeat(5_000) }), 400],
])('%s is answered as a problem that quotes nothing', async (_what, body, status) => {
  const answer = await world.ask('POST', `${base}/proofs`, { token, body });
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.text).not.toContain('canary');
});

test('a stranger is refused before the body is read', async () => {
  const answer = await world.ask('POST', `${base}/proofs`, { token: `kbc_${'x'.repeat(43)}`, body: '{ no JSON' });
  expect(answer.status).toBe(403);
});

test.each([
  '/v1/credentials/in-memory/dev/app/none',
  '/v1/credentials/UPPER/dev/app/secret',
  '/v1/credentials/a%2Fb/dev/app/secret',
])('%s is a problem and no route', async (path) => {
  const answer = await world.ask('GET', path, { token });
  expect([400, 404]).toContain(answer.status);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
});

test('a client that does not finish its request is cut off', async () => {
  const { hostname, port } = new URL(world.url());
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) });
    let text = '';
    socket.on('data', (bytes) => (text += String(bytes)));
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
    socket.write(`POST ${base}/proofs HTTP/1.1\r\nhost: keybaton\r\n`);
  });
  expect(answer).toMatch(/^HTTP\/1.1 408/);
});

test('health says alive; readiness also needs the ledger', async () => {
  expect((await world.ask('GET', '/healthz')).status).toBe(200);
  expect((await world.ask('GET', '/readyz')).status).toBe(200);
  world.state.ledgerDown = true;
  expect((await world.ask('GET', '/healthz')).status).toBe(200);
  expect((await world.ask('GET', '/readyz')).status).toBe(503);
});

test('it listens on loopback', () => {
  expect(new URL(world.url()).hostname).toBe('127.0.0.1');
});

test('a thrown error that is not ours is a problem that tells nothing of it', async () => {
  await world.rotate();
  const vault = world.ports.vault;
  if (vault === undefined) throw new Error('there is a vault in this test');
  vault.read = () => Promise.reject(new Error(`could not parse ${canary}`, { cause: canary }));
  const answer = await world.ask('GET', `${base}/secret`, { token });
  expect([answer.status, answer.json]).toMatchObject([503, { code: 'UNAVAILABLE' }]);
  expect(answer.text + world.logged.join('')).not.toContain(canary);
});

test('trouble of our own is no fault of the caller: 503, no path in the answer, the code in the log', async () => {
  await chmod(join(world.home, 'consumer-tokens.jsonl'), 0o644);
  const answer = await world.ask('GET', `${base}/secret`, { token });
  expect([answer.status, answer.json]).toMatchObject([503, { code: 'UNAVAILABLE' }]);
  expect(answer.text).not.toContain(world.home);
  expect(world.logged.join('')).toContain('"code":"INVALID_CONFIG"');
  const comeBack = await world.stopApi();
  await expect(comeBack()).rejects.toMatchObject({ code: 'INVALID_CONFIG', message: /chmod 600/ });
  await chmod(join(world.home, 'consumer-tokens.jsonl'), 0o600);
  await comeBack();
});

test('a proof key that does not open is no wrong proof', async () => {
  const { version, epoch, value } = await world.rotate();
  const proof = world.proofFor({ value, version, epoch, consumer: 'web', instance: 'a' });
  world.ports.proofKeys.read = () => Promise.reject(new KeybatonError('VERIFICATION_FAILED', 'it does not open'));
  const answer = await world.ask('POST', `${base}/proofs`, {
    token,
    body: { version, epoch, instance: 'a', boot: 'b1', proof },
  });
  expect(answer.status).toBe(503);
});

test('a secret cannot be asked for with HEAD', async () => {
  await world.rotate();
  expect((await world.ask('HEAD', `${base}/secret`, { token })).status).toBe(404);
  expect(await world.accessLines()).toEqual([]);
});

test('no value, proof or token is in any log line or answer but that of the secret route', async () => {
  const answers: string[] = [];
  const ask = async (...given: Parameters<World['ask']>) => {
    const answer = await world.ask(...given);
    answers.push(answer.text, JSON.stringify([...answer.headers]));
    return answer;
  };
  const first = await world.rotate();
  const second = await world.rotate();
  const secret = await world.ask('GET', `${base}/secret`, { token });
  expect(secret.text).toContain(second.value);
  const { version, epoch, value } = second;
  const proof = world.proofFor({ value, version, epoch, consumer: 'web', instance: 'a' });
  await ask('PUT', `${base}/instances/a`, { token, body: { boot: 'b1', lease: 60_000 } });
  await ask('POST', `${base}/proofs`, { token, body: { version, epoch, instance: 'a', boot: 'b1', proof } });
  await ask('POST', `${base}/proofs`, { token, body: { version, epoch, instance: 'b', boot: 'b1', proof } });
  await ask('POST', `${base}/proofs?proof=${proof}&value=${value}`, { token, body: { proof, value, what: [value] } });
  await ask('POST', `${base}/proofs`, { token, body: `{"proof":"${proof}",${value}` });
  await ask('GET', `${base}/events?wait=0&secret=${value}`, { token });
  await ask('GET', `/${value}/${token}`, { token });
  await ask('GET', `${base}/secret`, { token: `${token}x` });
  await ask('PUT', `${base}/instances/${value}%20${proof}`, { token, body: { boot: value, lease: value } });
  world.logged.push(`control ${canary}`);

  const searched = [...answers, ...world.logged, JSON.stringify(await world.accessLines())].join('\n');
  const forbidden = [first.value, value, proof, token, token.slice(4)];
  const forms = forbidden.flatMap((text) => [
    text,
    Buffer.from(text).toString('base64'),
    Buffer.from(text).toString('hex'),
  ]);
  expect(forms.filter((form) => searched.includes(form))).toEqual([]);
  expect(searched).toContain(canary);
  expect(world.logged.length).toBeGreaterThan(9);
});
