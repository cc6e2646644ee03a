import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { personRoles } from '../../../control/access/access-file.ts';
import { peopleRoutes } from '../../../control/http-api/people/routes.ts';
import { operations } from '../../../control/operations/table/table.ts';
import { grantOf } from '../access/access-world.ts';
import { placed, samples, why } from '../http-api/operation-samples.ts';
import { bot, foreign, openTenants, partner, quagga, searchInventory, targets } from './world.ts';
import type { Tenants } from './world.ts';

let world: Tenants;
const tokens = new Map<string, string>();
beforeAll(async () => {
  world = await openTenants();
  for (const role of personRoles)
    tokens.set(role, await world.access.token(role, [grantOf(role, { teams: ['search'] })]));
  tokens.set('group', await world.access.token('group', [grantOf('admin', { teams: ['search'], groups: ['chat'] })]));
});
afterAll(() => world.close());

type Input = Readonly<Record<string, unknown>>;

/** Everything that may be asked, once with what is the caller's own and once with what is not. */
function inputsOf(name: string, role: string): readonly Input[] {
  const [, sample = {}] = samples[name] ?? [0];
  const text = JSON.stringify(sample).replaceAll('in-memory/prod/ads', bot).replace('TOKEN', world.token);
  const filled = JSON.parse(text) as Input;
  const own = JSON.parse(text.replace('INCIDENT', world.incident)) as Input;
  const theirs = Object.hasOwn(filled, 'credential') ? [{ ...filled, credential: quagga }] : [];
  const other = text.includes('INCIDENT') ? [JSON.parse(text.replace('INCIDENT', world.theirs)) as Input] : [];
  // What they see is the same for every role: two of them ask for everything.
  const rest = ['viewer', 'admin', 'root'].includes(role) ? (more[name]?.() ?? []) : [];
  return [own, ...theirs, ...other, ...rest];
}

const scopes = [
  { provider: 'in-memory' },
  { environment: 'prod' },
  { group: 'chat' },
  { group: 'quagga-group' },
  { backend: 'vault' },
  { backend: 'quagga-vault' },
  { leakSource: 'quagga-web' },
  { team: 'quagga' },
  { team: 'search' },
  { team: 'search', provider: 'nobody' },
  { credentials: [bot], team: 'quagga' },
  { credentials: [bot, quagga] },
  { credentials: [partner] },
  { credentials: ['in-memory/prod/quaggo'] },
  { credentials: ['in-memory/prod/nobody'] },
];
const more: Readonly<Record<string, () => readonly Input[]>> = {
  'emergency-dry-run': () => scopes,
  emergency: () => scopes.map((scope) => ({ ...scope, why })),
  whose: () => [{ value: 'quaggas-value' }, { value: 'bots-value' }],
  'emergency-leaked': () => [
    { value: 'quaggas-value', why },
    { value: 'bots-value', why },
  ],
  list: () => [{ needing: true }, { team: 'quagga' }, { target: 'quagga-target' }, { group: 'chat' }],
  history: () => [{ credential: bot, afterN: 0, limit: 500 }, { afterN: 0, limit: 500 }, { limit: 500 }],
  'incident-list': () => [{ limit: 200 }],
  'incident-report': () => [{ incident: world.incident, fresh: true }],
  'incident-take-over': () => [{ incident: world.incident, credential: quagga }],
  advise: () => [{ credential: bot }, { team: 'quagga' }],
  apply: () => [
    { targets, inventory: searchInventory, dryRun: true },
    { targets: targets.replace('quagga-target', 'elsewhere'), inventory: searchInventory, dryRun: true },
  ],
  drill: () => [{ credential: bot }, { target: 'quagga-target' }],
  freeze: () => [{ credential: bot, why }],
  thaw: () => [{ credential: bot, why }],
  reconcile: () => [{ target: 'quagga-target' }],
  'kill-switch-list': () => [{ target: 'quagga-target' }],
  'approval-give': () => [{ id: world.approval }],
  'approval-withdraw': () => [{ id: world.approval }],
};

async function asked(role: string, { operation, method, path }: (typeof peopleRoutes)[number], input: Input) {
  const { url, rest } = placed(path, { ...input });
  const query = method === 'GET' ? `?${new URLSearchParams(rest as Record<string, string>).toString()}` : '';
  const answer = await world.ask(method, url + query, {
    token: tokens.get(role) ?? '',
    ...(method === 'GET' ? {} : { body: rest }),
  });
  return { operation: operation.name, role, ...answer };
}

/** Until as much was said as one look gives, or it ends. */
async function streamed(role: string, path: string): Promise<string> {
  const stop = new AbortController();
  const response = await fetch(world.url() + path, {
    headers: { authorization: `Bearer ${tokens.get(role) ?? ''}`, 'last-event-id': '0' },
    signal: stop.signal,
  });
  let said = '';
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  while (reader !== undefined && !/: still here/.test(said)) {
    const { done, value } = await reader.read();
    if (done) break;
    said += value;
  }
  stop.abort();
  return said;
}

describe('nothing of another team is in any answer', () => {
  test.each(peopleRoutes.map((route) => [route.operation.name, route] as const))('of %s', async (name, route) => {
    const leaks: string[] = [];
    const served = new Set<number>();
    for (const role of tokens.keys())
      for (const input of inputsOf(name, role)) {
        const { status, text } = await asked(role, route, input);
        served.add(status);
        expect(status).not.toBe(500);
        const at = text.search(foreign);
        if (at >= 0)
          leaks.push(
            `${role} ${JSON.stringify(input).slice(0, 90)}: ${status} ...${text.slice(Math.max(0, at - 90), at + 40)}`,
          );
      }
    expect(leaks.slice(0, 4)).toEqual([]);
    expect(served.size).toBeGreaterThan(0);
  });

  test.each(['/v1/history/progress', `/v1/credentials/${bot}/progress`, '/metrics', '/v1/whoami', '/openapi.json'])(
    'of %s',
    async (path) => {
      for (const role of ['viewer', 'admin']) {
        const said = path.endsWith('progress')
          ? await streamed(role, path)
          : (await world.ask('GET', path, { token: tokens.get(role) ?? '' })).text;
        expect(said.length).toBeGreaterThan(10);
        expect(said).not.toMatch(foreign);
      }
    },
  );

  test('of a blast radius, which counts what lies elsewhere, and names it to whoever sees it', async () => {
    const look = async (token: string, scope: object): Promise<Record<string, unknown>> =>
      (await world.ask('POST', '/v1/emergencies/dry-run', { token, body: scope })).json['blast'] as Record<
        string,
        unknown
      >;
    const oncall = tokens.get('oncall') ?? '';
    expect(await look(oncall, { backend: 'vault' })).toMatchObject({
      dependents: [],
      deadAlready: [],
      consumers: ['batch', 'web'],
      elsewhere: { dependents: 2, deadAlready: 1 },
    });
    expect(await look(world.root, { backend: 'vault' })).toMatchObject({
      dependents: [partner, quagga],
      deadAlready: [{ credential: 'in-memory/prod/quagga-dead' }],
      elsewhere: { dependents: 0, deadAlready: 0 },
    });
  });

  test('although there is something of it to be told: whoever sees everything is told', async () => {
    const silent: string[] = [];
    tokens.set('root', world.root);
    for (const route of peopleRoutes) {
      let told = false;
      for (const input of inputsOf(route.operation.name, 'root'))
        told ||= foreign.test((await asked('root', route, input)).text);
      if (!told) silent.push(route.operation.name);
    }
    tokens.delete('root');
    expect(silent.toSorted()).toEqual(namesNobody.toSorted());
    expect(operations.length).toBeGreaterThan(silent.length + 20);
  });
});

/** What names no team to anybody: figures, what no credential is named for, and what this process or this person cannot do. */
const namesNobody: readonly string[] = [
  ...['metrics', 'audit-verify', 'review-list', 'review-close', 'sweep', 'incident-close', 'token-revoke', 'thaw'],
  ...['doctor', 'reconcile', 'kill-switch-look', 'kill-switch-pull', 'approval-give', 'approval-withdraw'],
  ...['freeze', 'waive'],
];
