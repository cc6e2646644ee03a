import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { adviceCodes } from '../../control/operations/advise/advice.ts';
import { declaredProvider, readDeclaration } from '../../providers/http.ts';
import { providers } from '../../providers/registry.ts';
import { shippedAdapters } from '../control/bench.ts';

describe('what adapters tell of their settings', () => {
  const id = '3fa85f64-5717-4562-b3fc-2c963f66afa6';
  const table: readonly (readonly [
    string,
    object,
    { wide?: number; unlimited?: number; place?: boolean; keyless?: boolean },
  ])[] = [
    ['openai', { project: 'proj_a' }, { wide: 1, place: true, keyless: true }],
    ['openai', { project: 'proj_a', scopes: ['api.responses.write'] }, { place: true, keyless: true }],
    ['anthropic', {}, { keyless: true }],
    ['anthropic', { workspace: 'wrkspc_a' }, { place: true, keyless: true }],
    [
      'azure-openai',
      { tenant: id, client: id, subscription: id, resourceGroup: 'g', account: 'a', endpoint: 'https://a.example' },
      { place: true, keyless: true },
    ],
    ['aws-iam', { user: 'bot' }, { keyless: true }],
    ['aws-bedrock-api-key', { user: 'bot', region: 'eu-central-1' }, { keyless: true }],
    ['openrouter', { limit: null }, { unlimited: 1 }],
    ['openrouter', { limit: 5, workspace: id }, { place: true }],
    ['pinecone', { project: id, roles: ['ProjectEditor', 'ControlPlaneEditor'] }, { wide: 2, place: true }],
    ['pinecone', { project: id, roles: ['DataPlaneViewer'] }, { place: true }],
    [
      'qdrant-cloud',
      { account: id, cluster: id, clusterUrl: 'https://c.example', access: 'everything' },
      { wide: 1, place: true },
    ],
    [
      'qdrant-cloud',
      { account: id, cluster: id, clusterUrl: 'https://c.example', access: [{ collection: 'd', access: 'read-only' }] },
      { place: true },
    ],
    ['supabase', { project: 'abcdefghijabcdefghij' }, { wide: 1, place: true }],
    ['supabase', { project: 'abcdefghijabcdefghij', jwtTemplate: { role: 'reporting' } }, { place: true }],
    ['redis', { host: 'r', keys: ['*'], commands: ['+@all'], wide: true }, { wide: 1, place: true }],
    ['redis', { host: 'r', keys: ['app:*'] }, { place: true }],
    ['mariadb', { host: 'm', database: 'd' }, { unlimited: 1, place: true }],
    ['mariadb', { host: 'm', database: 'd', from: '10.1.%' }, { place: true }],
    [
      'rabbitmq',
      { url: 'https://q:15671', host: 'q', configure: '.*', write: '.*', wide: true },
      { wide: 2, place: true },
    ],
    ['rabbitmq', { url: 'https://q:15671', host: 'q', read: '^jobs' }, { place: true }],
    ['mlflow', { baseUrl: 'https://m', experiments: { 1: 'MANAGE', 2: 'READ' } }, { wide: 1, place: true }],
    ['postgres-roles', { host: 'p', database: 'd', group: 'g', pair: ['a', 'b'] }, { place: true }],
    ['xai', { hosts: { management: 'https://x', inference: 'https://y' }, team: 't', acls: ['*'] }, { wide: 1 }],
    [
      'xai',
      { hosts: { management: 'https://x', inference: 'https://y' }, team: 't', acls: ['api-key:model:grok-4'] },
      {},
    ],
    [
      'elevenlabs',
      { hosts: { api: 'https://e' }, serviceAccount: 's', permissions: 'all', characterLimit: null },
      { wide: 1, unlimited: 1 },
    ],
    ['elevenlabs', { hosts: { api: 'https://e' }, serviceAccount: 's', permissions: ['tts'], characterLimit: 10 }, {}],
    ['fireworks', { hosts: { api: 'https://f' }, account: 'a', user: 'u' }, {}],
    ['cohere', {}, {}],
    ['in-memory', {}, {}],
  ];

  test.each(table)(
    '%s with %j',
    (name, settings, { wide = 0, unlimited = 0, place = false, keyless: without = false }) => {
      expect(shippedAdapters.traits?.(name, settings)).toBeDefined();
      const advice = shippedAdapters.advice?.(name, settings);
      expect([advice?.wide?.length ?? 0, advice?.unlimited?.length ?? 0]).toEqual([wide, unlimited]);
      expect([advice?.place !== undefined, advice?.keyless !== undefined]).toEqual([place, without]);
    },
  );

  test('that declare it in YAML name the way without a key', () => {
    const shipped = readFileSync(
      join(import.meta.dirname, '..', '..', 'providers', 'declared', 'fireworks.yml'),
      'utf8',
    );
    const page = 'https://vendor.example/identity';
    const declared = declaredProvider(
      readDeclaration('acme.yml', `${shipped}\nkeyless: { by: an identity, page: '${page}' }\n`),
    );
    const settings = declared.settingsSchema.parse({ hosts: { api: 'https://f' }, account: 'a', user: 'u' });
    expect(declared.advice?.(settings)).toMatchObject({ keyless: { by: 'an identity', page } });
  });

  test('that are not there, or do not take the settings, say nothing', () => {
    expect(shippedAdapters.advice?.('nobody', {})).toBeUndefined();
    expect(shippedAdapters.advice?.('openai', { project: '' })).toBeUndefined();
  });

  test('docs/advise.md has every code with its verdict and reason, and every vendor that needs no key with its page', async () => {
    const page = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'advise.md'), 'utf8');
    const cells = page
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')));
    const codes = cells.filter((row) => row.length === 6).map(([, code, verdict, , why]) => [code, verdict, why]);
    expect(codes).toEqual(Object.entries(adviceCodes).map(([code, { verdict, why }]) => [code, verdict, why]));
    const without = table.flatMap(([name, settings]) => {
      const found = shippedAdapters.advice?.(name, settings)?.keyless;
      return found === undefined ? [] : [`${name} ${found.page}`];
    });
    const told = cells
      .filter((row) => row.length === 4)
      .map(([, name, link]) => `${name} ${/\((.*)\)/.exec(link ?? '')?.[1]}`);
    expect(told).toEqual([...new Set(without)].sort());
    const known = new Set(table.map(([name]) => name));
    // Adapters without `advice` say nothing whatever their settings; every other must be in the table.
    const silent = Object.entries(providers)
      .filter(([, make]) => !('advice' in make()))
      .map(([name]) => name);
    expect(Object.keys(providers).filter((name) => !known.has(name) && !silent.includes(name))).toEqual([]);
  });
});
