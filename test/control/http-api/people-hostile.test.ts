import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bot, inventory, targets } from '../emergency-inventory.ts';
import { openPeopleWorld } from './people-world.ts';
import type { PeopleWorld } from './people-world.ts';

let world: PeopleWorld;
beforeAll(async () => {
  world = await openPeopleWorld();
  await world.apply(inventory, targets);
  await world.promote(bot, 'r1');
});
afterAll(() => world.close());

/** What the server says to these very bytes, until it hangs up or has said a whole head. */
function raw(write: (send: (text: string) => void) => void): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(world.url()).port), '127.0.0.1');
    let said = '';
    const end = (): void => {
      socket.destroy();
      resolve(said);
    };
    socket.on('data', (part) => {
      said += part.toString('latin1');
      if (said.includes('\r\n\r\n')) end();
    });
    socket.on('close', end);
    socket.on('error', end);
    socket.on('connect', () => write((text) => void socket.write(text)));
  });
}

const head = (line: string, ...headers: string[]): string =>
  [line, 'Host: keybaton', 'Authorization: Bearer root', ...headers, '', ''].join('\r\n');
const status = (said: string): string => said.split(' ')[1] ?? 'hung up';

describe('over a bare socket', () => {
  test.each([
    '/v1/credentials/..%2f..%2f..%2fetc/passwd/x',
    '/v1/credentials/in-memory/prod/..%2f..%2fkept-answers.jsonl',
    '/v1/credentials/in-memory/prod/%00',
    '/v1/incidents/../../openapi',
    '/v1/incidents/%2e%2e%2f%2e%2e%2faccess',
    '/v1/targets/..%2f..%2fetc/kill-switches',
    `/v1/credentials/in-memory/prod/${'a'.repeat(300)}`,
    '//v1/credentials',
    '/v1/credentials/__proto__/constructor/prototype',
  ])('%s finds nothing, and says nothing of files', async (path) => {
    const said = await raw((send) => send(head(`GET ${path} HTTP/1.1`)));
    // 414 is the framework's own, for a segment that no id of ours can be.
    expect(['400', '404', '414']).toContain(status(said));
    expect(/ENOENT|jsonl|root:/.test(said)).toBe(false);
  });

  test('a body of 10 MB is refused before it is read', async () => {
    const line = `POST /v1/credentials/${bot}/pause HTTP/1.1`;
    const said = await raw((send) => {
      send(head(line, 'Content-Type: application/json', 'Content-Length: 10485760'));
      send(`{"why":"${'x'.repeat(200_000)}`);
    });
    expect([status(said), world.rotations.woken]).toEqual(['400', []]);
  });

  test('a flood of headers is refused', async () => {
    const flood = Array.from({ length: 3_000 }, (_, index) => `X-Flood-${index}: ${'y'.repeat(20)}`);
    expect(status(await raw((send) => send(head('GET /v1/status HTTP/1.1', ...flood))))).toBe('431');
  });

  test('two lengths, or a length beside chunks, are refused', async () => {
    const line = `POST /v1/credentials/${bot}/pause HTTP/1.1`;
    const both = head(line, 'Content-Length: 5', 'Transfer-Encoding: chunked');
    expect(status(await raw((send) => send(`${both}0\r\n\r\n`)))).toBe('400');
    expect(status(await raw((send) => send(head(line, 'Content-Length: 5', 'Content-Length: 6'))))).toBe('400');
  });

  test.each(['{"why":"x","__proto__":{"admin":true}}', '{"why":["x"]}', '[]', '"x"', 'null', '{"why":'])(
    'the body %s is refused with a problem',
    async (body) => {
      const { status: answered, json } = await world.ask('POST', `/v1/credentials/${bot}/pause`, { body });
      expect([answered, json['code']]).toEqual([400, 'INVALID_CONFIG']);
    },
  );

  test('an emergency that names the credential of another team beside a scope says no more than of one that is not there', async () => {
    const look = (credential: string, scope: object) =>
      world.ask('POST', '/v1/emergencies/dry-run', { token: 'ads', body: { credentials: [credential], ...scope } });
    for (const scope of [{ team: 'ads' }, { team: 'search' }, { group: 'chat' }, { provider: 'in-memory' }]) {
      const [theirs, none] = [await look(bot, scope), await look('in-memory/prod/nobody', scope)];
      expect([theirs.status, theirs.text]).toEqual([404, none.text]);
    }
    const own = await world.ask('POST', '/v1/emergencies/dry-run', { body: { credentials: [bot], team: 'ads' } });
    expect([own.status, own.json['detail']]).toEqual([400, expect.stringContaining('not of this team')]);
  });

  test('it serves on after all of it', async () => {
    expect((await world.ask('GET', '/v1/status')).status).toBe(200);
  });
});
