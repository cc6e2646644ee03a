import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KeybatonError } from '../../../domain/errors.ts';
import { ads, bot, inventory, targets } from '../emergency-inventory.ts';
import { until } from './world.ts';
import { grantOf, openPeopleWorld } from './people-world.ts';
import type { Answered, PeopleWorld } from './people-world.ts';

let world: PeopleWorld;

beforeAll(async () => {
  world = await openPeopleWorld();
  await world.apply(inventory, targets);
  await world.promote(bot, 'r1');
  await world.end(bot, 'r1', 'rotated');
});
afterAll(() => world.close());

const start = (key: string, body: unknown = { why: 'laptop lost' }, token = 'root'): Promise<Answered> =>
  world.ask('POST', `/v1/credentials/${bot}/rotate`, { body, token, headers: { 'idempotency-key': key } });

describe('an idempotency key', () => {
  test('makes a start happen once, and is answered the same after a restart', async () => {
    const before = world.rotations.started.length;
    const first = await start('deploy-4711');
    const again = await start('deploy-4711');
    await world.restart();
    const later = await start('deploy-4711');
    expect([first.status, again.text, later.text]).toEqual([200, first.text, first.text]);
    expect([first, again, later].map(({ headers }) => headers.get('idempotency-replayed'))).toEqual([
      null,
      'true',
      'true',
    ]);
    expect(world.rotations.started.length - before).toBe(1);
  });

  test('with other input is CONFLICT, also after a restart; of another caller it is another key', async () => {
    await start('deploy-4712');
    expect((await start('deploy-4712', { why: 'another' })).status).toBe(409);
    await world.restart();
    expect((await start('deploy-4712', { why: 'another' })).status).toBe(409);
    expect((await start('deploy-4712', { why: 'another' }, 'search')).status).toBe(200);
  });

  test('of another person whose name reads the same is another key', async () => {
    await start('deploy-4715');
    const twin = await start('deploy-4715', undefined, 'root-twin');
    expect([twin.status, twin.headers.get('idempotency-replayed')]).toEqual([404, null]);
  });

  test('answers nobody who may no longer do it, and is a refusal in the record', async () => {
    const first = await start('deploy-4716', undefined, 'search');
    expect(first.status).toBe(200);
    world.people.regrant('search', [grantOf('oncall', { teams: ['ads'] })]);
    const recorded = world.people.recorded.length;
    const again = await start('deploy-4716', undefined, 'search');
    world.people.regrant('search', [grantOf('oncall', { teams: ['search'] })]);
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([404, null]);
    expect(again.text).not.toContain(String(first.json['workflowId']));
    expect(world.people.recorded.slice(recorded)).toEqual([
      { actor: 'token:search', operation: 'rotate', outcome: 'refused' },
    ]);
    const later = await start('deploy-4716', undefined, 'search');
    expect([later.text, later.headers.get('idempotency-replayed')]).toEqual([first.text, 'true']);
  });

  test('of two starts at once does it once, and both are told the same', async () => {
    const before = world.rotations.started.length;
    const [one, other] = await Promise.all([start('deploy-4713'), start('deploy-4713')]);
    expect([one.status, other.text, world.rotations.started.length - before]).toEqual([200, one.text, 1]);
  });

  test('of a start that failed tries again', async () => {
    world.rotations.down = new KeybatonError('UNAVAILABLE', 'Temporal does not answer');
    expect((await start('deploy-4714')).status).toBe(503);
    world.rotations.down = undefined;
    expect((await start('deploy-4714')).status).toBe(200);
  });

  test('declares one emergency however often it is sent', async () => {
    const before = world.incidents.declared.length;
    const kill = () =>
      world.ask('POST', '/v1/emergencies', {
        body: { credentials: [bot], why: 'leaked' },
        headers: { 'idempotency-key': 'night-of-the-leak' },
      });
    const [one, other] = [await kill(), await kill()];
    expect([one.json['incident'], world.incidents.declared.length - before]).toEqual([other.json['incident'], 1]);
  });

  test('is kept with no input that could be read, in a file of its owner', async () => {
    const body = { value: 'canary-of-a-leak', why: 'found' };
    await world.ask('POST', '/v1/emergencies/leaked', { body, headers: { 'idempotency-key': 'found-it-01' } });
    const file = join(world.folder, 'kept-answers.jsonl');
    const text = await readFile(file, 'utf8');
    expect([text.includes('canary-of-a-leak'), text.includes('found-it-01'), (await stat(file)).mode & 0o777]).toEqual([
      false,
      false,
      0o600,
    ]);
  });

  test.each(['short', 'with space in it', 'x'.repeat(129)])('%j is refused', async (key) => {
    expect((await start(key)).status).toBe(400);
  });
});

describe('the inventory', () => {
  test('is applied over the one that was looked at, and over no other', async () => {
    const seen = await world.ask('GET', '/v1/inventory');
    const tag = seen.headers.get('etag') ?? '';
    const body = { targets, inventory: inventory.replace('groups: [chat]', 'groups: [talk]') };
    const send = (headers: Record<string, string>) => world.ask('POST', '/v1/inventory', { body, headers });
    expect((await send({})).status).toBe(400);
    expect((await send({ 'if-match': '*' })).status).toBe(400);
    const applied = await send({ 'if-match': tag });
    expect([tag, applied.status, applied.json['kind']]).toEqual(['"1"', 200, 'applied']);
    const late = await world.ask('POST', '/v1/inventory', {
      body: { targets, inventory },
      headers: { 'if-match': tag },
    });
    expect([late.status, late.json['detail']]).toEqual([409, expect.stringContaining('number 2 by now, not 1')]);
  });

  test('of another team, or with other targets, is not for a team to apply', async () => {
    const own = inventory.replace('teams: [search, ads]', 'teams: [ads]');
    const mine = own
      .replace(/ {2}in-memory\/prod\/bot:[\s\S]*?(?= {2}in-memory\/prod\/ads)/, '')
      .replace(/ {2}in-memory\/lab\/bot:[\s\S]*$/, '');
    const send = (body: object) =>
      world.ask('POST', '/v1/inventory', { body: { dryRun: true, ...body }, token: 'ads' });
    expect((await send({ targets, inventory: mine })).json).toMatchObject({ kind: 'would apply' });
    expect((await send({ targets, inventory })).status).toBe(404);
    expect((await send({ targets: targets.replace('env:ADMIN', 'env:OTHER'), inventory: mine })).status).toBe(404);
  });

  test('with an entry that names a host of its own is refused, and our listener is not called', async () => {
    const before = world.logged.length;
    const aimed = [
      'target: memory\n    baseUrl: URL',
      'target: URL',
      'target: memory\n    settings: { baseUrl: URL }',
    ].map((text) => inventory.replace('target: memory', text.replace('URL', world.url())));
    const probed = inventory
      .replace('- name: web', '- name: web')
      .replace(
        'consumers: [{ name: web }, { name: batch }]',
        `consumers: [{ name: web, demand: endpoint-reported, probe: '${world.url()}/v1/credentials' }]`,
      );
    for (const text of [...aimed, probed]) {
      const body = { targets, inventory: text, dryRun: true };
      const { status, json } = await world.ask('POST', '/v1/inventory', { body });
      expect([status, json['kind']]).toEqual([200, 'refused']);
    }
    const paths = world.logged.slice(before).map((line) => (JSON.parse(line) as { route: string }).route);
    expect([...new Set(paths)]).toEqual(['/v1/inventory']);
  });
});

describe('limits', () => {
  test('hold a caller back without touching the bucket of emergencies, and say when', async () => {
    const limitedWorld = await openPeopleWorld({
      limits: { calls: 3, starts: 2, emergencies: 5, refusals: 2, open: 2 },
    });
    const statuses = async (times: number, ask: () => Promise<Answered>): Promise<readonly number[]> =>
      Promise.all(Array.from({ length: times }, async () => (await ask()).status));
    expect((await statuses(5, () => limitedWorld.ask('GET', '/v1/status'))).toSorted()).toEqual([
      200, 200, 200, 429, 429,
    ]);
    const limited = await limitedWorld.ask('GET', '/v1/status');
    expect([limited.json['code'], Number(limited.headers.get('retry-after')) > 0]).toEqual(['RATE_LIMITED', true]);
    const dry = await limitedWorld.ask('POST', '/v1/emergencies/dry-run', { body: { credentials: [bot] } });
    expect(dry.status).toBe(404);
    expect((await statuses(3, () => limitedWorld.ask('GET', '/openapi.json', { token: null }))).toSorted()).toEqual([
      200, 200, 429,
    ]);
    await limitedWorld.close();
  });

  test('make whoever guesses tokens wait, and let in who has one', async () => {
    const limitedWorld = await openPeopleWorld({
      limits: { calls: 9, starts: 9, emergencies: 9, refusals: 2, open: 9 },
    });
    const guess = async () => (await limitedWorld.ask('GET', '/v1/status', { token: 'guessed' })).status;
    expect([await guess(), await guess(), await guess()]).toEqual([403, 403, 429]);
    expect((await limitedWorld.ask('GET', '/v1/status')).status).toBe(200);
    await limitedWorld.close();
  });
});

describe('progress', () => {
  async function follow(path: string, headers: Record<string, string> = {}) {
    const stop = new AbortController();
    const response = await fetch(world.url() + path, {
      headers: { authorization: 'Bearer root', ...headers },
      signal: stop.signal,
    });
    const seen: string[] = [];
    void (async () => {
      for await (const part of response.body ?? []) seen.push(Buffer.from(part).toString());
    })().catch(() => undefined);
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      text: () => seen.join(''),
      stop: () => stop.abort(),
    };
  }

  test('tells each event of a credential with its number, and goes on where a reader was', async () => {
    const { status, type, text, stop } = await follow(`/v1/credentials/${bot}/progress`);
    expect([status, type]).toEqual([200, 'text/event-stream']);
    await until('the status is told', () => text().includes('event: status'));
    await world.ask('POST', `/v1/credentials/${bot}/pause`, { body: { why: 'night' } });
    await until('the pause is told', () => /event: event\nid: \d+\ndata: .*pause/.test(text()));
    const id = Number(/event: event\nid: (\d+)/.exec(text())?.[1]);
    stop();
    const again = await follow(`/v1/credentials/${bot}/progress`, { 'last-event-id': String(id - 1) });
    await until('it is told again', () => again.text().includes(`id: ${id}\n`));
    again.stop();
  });

  test('of an incident tells each change once', async () => {
    const { json } = await world.ask('POST', '/v1/emergencies', { body: { credentials: [bot], why: 'leaked' } });
    const path = `/v1/incidents/${String(json['incident'])}/progress`;
    const { text, stop } = await follow(path);
    await until('it is told', () => text().includes('event: incident'));
    const id = /id: ([0-9a-f]+)/.exec(text())?.[1] ?? '';
    stop();
    const again = await follow(path, { 'last-event-id': id });
    await until('it is alive', () => again.text().includes('still here'));
    expect(again.text()).not.toContain(`id: ${id}`);
    again.stop();
  });

  test('ends for whoever has lost their way in', async () => {
    const stop = new AbortController();
    const response = await fetch(`${world.url()}/v1/credentials/${bot}/progress`, {
      headers: { authorization: 'Bearer leaver' },
      signal: stop.signal,
    });
    expect(response.status).toBe(200);
    world.people.revoke('leaver');
    let ended = false;
    void response.text().then(
      () => (ended = true),
      () => undefined,
    );
    await until('the stream ends', () => ended);
    stop.abort();
  });

  test('is refused like anything else to whoever may not see it, and ends with the server', async () => {
    const { status } = await world.ask('GET', `/v1/credentials/${bot}/progress`, { token: 'ads' });
    expect(status).toBe(404);
    await follow(`/v1/credentials/${bot}/progress`);
    await world.restart();
  });
});

describe('metrics', () => {
  test('are figures alone, for whoever may see everything', async () => {
    await world.promote(ads, 'r2');
    const { status, text, headers } = await world.ask('GET', '/metrics');
    expect([status, headers.get('content-type')]).toEqual([200, expect.stringContaining('text/plain')]);
    expect(text).toContain('keybaton_ledger_up 1');
    expect(text).toContain('keybaton_credentials{status="managed"} 3');
    expect(text).toContain('keybaton_rotating 1');
    expect(/in-memory|search|bot|root/.test(text)).toBe(false);
    const again = await world.ask('GET', '/metrics');
    expect(again.text).toMatch(/keybaton_http_requests_total\{route="\/metrics",method="GET",status="200"\} 1/);
  });

  test('are not for a stranger, nor for a team', async () => {
    expect((await world.ask('GET', '/metrics', { token: null })).status).toBe(403);
    expect((await world.ask('GET', '/metrics', { token: 'search' })).status).toBe(404);
  });
});
