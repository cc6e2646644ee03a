import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { parseCredentialId, parseVersionId } from '../../domain/identifiers.ts';
import { askEndpoint, shownBy } from '../../evidence/endpoint.ts';

const credential = parseCredentialId('openai/prod/support-bot');
const version = parseVersionId(`kb${'a'.repeat(30)}`);
const other = parseVersionId(`kb${'b'.repeat(30)}`);
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function probeThat(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${String(address.port)}/version?team=ml`;
}
const answering = (body: unknown, status = 200) =>
  probeThat((_request, response) => {
    response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(typeof body === 'string' ? body : JSON.stringify(body));
  });
const ask = (probe: string, timeout = 2_000) =>
  askEndpoint({ probe, credential, signal: AbortSignal.timeout(10_000), timeout });

test('an endpoint tells of each instance behind it, and is asked about this credential', async () => {
  let asked = '';
  const instances = [
    { instance: 'web-0', version, epoch: 7 },
    { instance: 'web-1', version: other, epoch: 6 },
  ];
  const probe = await probeThat((request, response) => {
    asked = `${String(request.method)} ${String(request.url)}`;
    response.end(JSON.stringify({ instances }));
  });
  expect(await ask(probe)).toEqual(instances);
  expect(asked).toBe('GET /version?team=ml&credential=openai%2Fprod%2Fsupport-bot');
});

test('an endpoint of one instance answers for itself, with the epoch as text if it likes', async () => {
  expect(await ask(await answering({ instance: 'web-0', version, epoch: '7' }))).toEqual([
    { instance: 'web-0', version, epoch: 7 },
  ]);
});

test.each([
  ['no JSON', 'version 7', 'UNAVAILABLE'],
  ['something else', { status: 'ok' }, 'VERIFICATION_FAILED'],
  ['a version that is none', { instance: 'web-0', version: 'latest', epoch: 1 }, 'VERIFICATION_FAILED'],
])('%s is an error and never evidence', async (_what, body, code) => {
  await expect(ask(await answering(body))).rejects.toMatchObject({ code });
});

test.each([
  [404, 'NOT_FOUND'],
  [503, 'UNAVAILABLE'],
  [401, 'ACCESS_DENIED'],
])('status %i is %s', async (status, code) => {
  await expect(ask(await answering({ instance: 'web-0', version, epoch: 1 }, status))).rejects.toMatchObject({ code });
});

test('a redirect is not followed', async () => {
  let followed = false;
  const elsewhere = await probeThat((_request, response) => {
    followed = true;
    response.end('{}');
  });
  const probe = await probeThat((_request, response) => response.writeHead(302, { location: elsewhere }).end());
  await expect(ask(probe)).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  expect(followed).toBe(false);
});

test('an endpoint that does not answer in time is UNAVAILABLE', async () => {
  await expect(ask(await probeThat(() => undefined), 200)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

test('only exactly this version under exactly this epoch is evidence', () => {
  const reports = [
    { instance: 'both', version, epoch: 7 },
    { instance: 'older-epoch', version, epoch: 5 },
    { instance: 'other-version', version: other, epoch: 7 },
  ];
  expect(shownBy(reports, { version, epoch: 7 })).toEqual(['both']);
});

test('an instance that is named twice counts only if both use it', () => {
  const reports = [
    { instance: 'web-0', version, epoch: 7 },
    { instance: 'web-0', version: other, epoch: 6 },
    { instance: 'web-1', version, epoch: 7 },
    { instance: 'web-1', version, epoch: 7 },
  ];
  expect(shownBy(reports, { version, epoch: 7 })).toEqual(['web-1']);
});
