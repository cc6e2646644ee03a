// The HTTP API held to its own description by Schemathesis: https://schemathesis.readthedocs.io
//
// It is large, so only `.ci/run` brings it by itself; for anybody else: node scripts/setup/emulators.mjs
// Left out, and why: streams (`progress`), which do not end; the checks `unsupported_method` and `ignored_auth`, which want the
// statuses 405 and 401 where the one table of errors has 404 and 403 (people.test.ts holds every route to the latter). The
// status 501 says that a person must type the command that is named, on another machine: it is an answer, not a fault.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { Agent, createServer, request as ask } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { schemathesisProgram } from '../../scripts/setup/emulators.mjs';
import { bot, inventory, targets } from '../control/emergency-inventory.ts';
import { withoutProviders } from '../../control/http-api/people/without-providers.ts';
import type { Grant, Role } from '../../control/access/principal.ts';
import { grantOf, openAccessWorld } from '../control/access/access-world.ts';
import type { AccessWorld } from '../control/access/access-world.ts';
import { openPeopleWorld } from '../control/http-api/people-world.ts';
import type { PeopleWorld } from '../control/http-api/people-world.ts';
import { sheetOf } from '../control/kill-sheet.ts';

const program = schemathesisProgram();
const missing = existsSync(program)
  ? undefined
  : 'Schemathesis is not here: node scripts/setup/emulators.mjs brings it';
const many = 1_000_000;

/** Each of them in turn, and whoever may do all of it every other time. */
const others: readonly (readonly [role: Role, where: Partial<Grant>])[] = [
  ['viewer', {}],
  ['team', { teams: ['search'] }],
  ['oncall', { environments: ['prod'] }],
  ['auditor', {}],
  ['security', {}],
  ['consumer', {}],
];

describe('the HTTP API, behind the guard that it has when it is deployed', () => {
  let access: AccessWorld;
  let world: PeopleWorld;
  let incident: string;
  beforeAll(async () => {
    if (missing !== undefined) return;
    access = await openAccessWorld();
    world = await openPeopleWorld({
      people: access.people,
      limits: { calls: many, starts: many, emergencies: many, refusals: many, open: many },
      ports: withoutProviders({
        ports: async () => world.ports,
        incidentPorts: async () => world.incidents.ports,
        access: access.desk,
      }),
    });
    await world.apply(inventory, targets);
    const version = await world.promote(bot, 'r1');
    await world.end(bot, 'r1', 'rotated');
    world.incidents.sheet = sheetOf([{ credential: bot, version }]);
    const token = await access.token('first', [grantOf('admin')]);
    const declared = await world.ask('POST', '/v1/emergencies', { token, body: { credentials: [bot], why: 'leaked' } });
    incident = String(declared.json['incident']);
  });
  afterAll(async () => {
    if (missing !== undefined) return;
    await world.close();
    await access.close();
  });
  beforeEach(({ skip }) => {
    if (missing !== undefined) skip(missing);
  });

  test('has no fault, and answers nothing that its description does not say, whatever it is sent, and by whom', async () => {
    const config = join(world.folder, 'schemathesis.toml');
    await writeFile(
      config,
      `[parameters]
provider = "in-memory"
environment = "prod"
application = "bot"
incident = "${incident}"

[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 501]
`,
    );
    const tokens = new Map([['admin', await access.token('admin', [grantOf('admin')])]]);
    for (const [role, where] of others) tokens.set(role, await access.token(role, [grantOf(role, where)]));
    const crowd = await inTurn(world.url(), tokens);
    const checks = [
      'not_a_server_error',
      'status_code_conformance',
      'content_type_conformance',
      'response_schema_conformance',
      'response_headers_conformance',
      'negative_data_rejection',
    ];
    const { exit, said } = await run([
      ...['--config-file', config, 'run', `${crowd.url}/openapi.json`, '-H', `Authorization: ${somebody}`],
      ...['--checks', checks.join(','), '--exclude-path-regex', 'progress', '--phases', 'coverage,fuzzing'],
      ...['--max-examples', '2', '--seed', '4711', '--generation-database', 'none', '--no-color'],
    ]).finally(() => crowd.close());
    expect(exit, said.slice(-12_000)).toBe(0);
    // It did ask: every operation, and far more often than once each.
    const asked = Number(/(\d+) generated/.exec(said)?.[1]);
    expect(asked).toBeGreaterThan(500);
    // Everybody was let in and everybody was refused something, by the guard that is deployed.
    for (const [role] of [['admin'], ...others]) {
      const told = crowd.statuses.get(role) ?? [];
      const served = told.filter((status) => status < 300).length;
      expect({ role, asked: told.length > 50, served: served > 0 }).toEqual({
        role,
        asked: true,
        served: role !== 'consumer',
      });
      if (role !== 'admin') expect(told.some((status) => status === 403 || status === 404)).toBe(true);
    }
    // No token stands in a log line.
    const seen = [...tokens.values()].filter((token) => world.logged.some((line) => line.includes(token)));
    expect([seen, world.logged.filter((line) => line.includes('authorization'))]).toEqual([[], []]);
  }, 240_000);
});

/** What stands for a token until the door has put one in its place; anything else, and nothing, goes through as it is. */
const somebody = 'Bearer of-somebody';

/** A door before the API at which each request is somebody else's. */
async function inTurn(target: string, tokens: ReadonlyMap<string, string>) {
  const [admin = '', ...rest] = tokens.keys();
  const statuses = new Map<string, number[]>([...tokens.keys()].map((role) => [role, []]));
  const agent = new Agent({ keepAlive: true });
  let turn = 0;
  const door = createServer((request, response) => {
    turn += 1;
    const role = turn % 2 === 0 ? (rest[(turn / 2) % rest.length] ?? admin) : admin;
    const known = request.headers.authorization === somebody;
    const headers = { ...request.headers, ...(known ? { authorization: `Bearer ${tokens.get(role) ?? ''}` } : {}) };
    const passed = ask(new URL(request.url ?? '/', target), { method: request.method, headers, agent }, (answer) => {
      if (known) statuses.get(role)?.push(answer.statusCode ?? 0);
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    });
    passed.on('error', () => response.destroy());
    request.pipe(passed);
  });
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', () => resolve()));
  const address = door.address();
  return {
    statuses,
    url: `http://127.0.0.1:${String(typeof address === 'object' ? address?.port : '')}`,
    close: () => {
      agent.destroy();
      door.closeAllConnections();
      return new Promise((resolve) => door.close(resolve));
    },
  };
}

function run(words: readonly string[]): Promise<{ readonly exit: number | null; readonly said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 200_000 });
    let said = '';
    child.stdout.on('data', (part: Buffer) => (said += part.toString()));
    child.stderr.on('data', (part: Buffer) => (said += part.toString()));
    child.on('error', reject);
    child.on('close', (exit) => resolve({ exit, said }));
  });
}
