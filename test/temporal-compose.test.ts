import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { temporalVersion } from '../scripts/setup/tools.mjs';

const service = z.object({
  image: z.string(),
  restart: z.string(),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  environment: z.record(z.string(), z.string()).default({}),
  entrypoint: z.array(z.string()).optional(),
  command: z.array(z.string()).optional(),
  configs: z.array(z.object({ source: z.string(), target: z.string() })).default([]),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  healthcheck: z.object({ test: z.array(z.string()) }).optional(),
});

const file = z
  .object({
    services: z.record(z.string(), service),
    configs: z.record(z.string(), z.object({ content: z.string() })),
    volumes: z.record(z.string(), z.null()),
  })
  .parse(parse(readFileSync(new URL('../temporal-compose.yml', import.meta.url), 'utf8'), { merge: true }));

function serviceOf(name: string): z.infer<typeof service> {
  const found = file.services[name];
  if (found === undefined) throw new Error(`no service ${name}`);
  return found;
}

function waitsFor(name: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(serviceOf(name).depends_on).map(([other, { condition }]) => [other, condition]),
  );
}

describe('temporal-compose.yml', () => {
  it('starts the server only after the schema, and the namespace and the page only after the server', () => {
    expect(Object.keys(file.services).map((name) => [name, waitsFor(name)])).toEqual([
      ['postgresql', {}],
      ['temporal-schema', { postgresql: 'service_healthy' }],
      ['temporal', { postgresql: 'service_healthy', 'temporal-schema': 'service_completed_successfully' }],
      ['temporal-namespace', { temporal: 'service_healthy' }],
      ['temporal-ui', { temporal: 'service_healthy' }],
    ]);
  });

  it('gives a health check to every service that is waited for as healthy', () => {
    const awaited = Object.keys(file.services).flatMap((name) =>
      Object.entries(waitsFor(name)).flatMap(([other, condition]) => (condition === 'service_healthy' ? [other] : [])),
    );
    for (const name of awaited) expect(serviceOf(name).healthcheck, name).toBeDefined();
  });

  it('pins an exact version of every image, server and schema tools together, and no auto-setup', () => {
    const images = Object.values(file.services).map(({ image }) => image);
    for (const image of images) expect(image).toMatch(/^[a-z/-]+:\d+(\.\d+)+$/);
    expect(images.join(' ')).not.toContain('auto-setup');
    const version = serviceOf('temporal').image.split(':')[1];
    expect(serviceOf('temporal-schema').image).toBe(`temporalio/admin-tools:${version}`);
    expect(serviceOf('temporal-namespace').image).toBe(`temporalio/admin-tools:${version}`);
  });

  it('runs the server that the pinned development server carries', () => {
    expect([temporalVersion, serviceOf('temporal').image]).toEqual(['1.9.1', 'temporalio/server:1.32.0']);
  });

  it('sets up both databases before it updates their schema', () => {
    const script = serviceOf('temporal-schema').command?.join('\n') ?? '';
    const order = [
      'create',
      'setup-schema',
      'update-schema',
      'prepare temporal temporal',
      'prepare temporal_visibility visibility',
    ];
    const places = order.map((text) => script.indexOf(text));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
    // Compose would replace a single dollar sign by a variable of the person who starts it.
    expect(script.replaceAll('$$', '')).not.toContain('$');
  });

  it('makes the namespace that keybaton uses', () => {
    expect(serviceOf('temporal-namespace').command?.join('')).toContain('namespace create --namespace keybaton');
  });

  it('holds no password, and opens ports on this machine alone', () => {
    const passwords = Object.values(file.services).flatMap(({ environment }) =>
      Object.entries(environment).filter(([name]) => /PASSWORD|PWD/.test(name)),
    );
    expect(passwords).toHaveLength(3);
    for (const [, value] of passwords) expect(value).toMatch(/^\$\{TEMPORAL_DB_PASSWORD:\?/);
    for (const port of Object.values(file.services).flatMap(({ ports }) => ports))
      expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('limits ids to what the SQL schema holds, which the longest id of a rotation respects', () => {
    const { source, target } = serviceOf('temporal').configs[0] ?? {};
    expect(serviceOf('temporal').environment['DYNAMIC_CONFIG_FILE_PATH']).toBe(target);
    const limits = z.record(z.string(), z.array(z.object({ value: z.number() })));
    const limit = limits.parse(parse(file.configs[source ?? '']?.content ?? ''))['limit.maxIDLength']?.[0]?.value ?? 0;
    const longest = `rotation/${Array.from({ length: 3 }, () => 'x'.repeat(63)).join('/')}`;
    expect(limit).toBe(255);
    expect(longest.length).toBeLessThan(limit);
  });

  it('keeps the database in a named volume', () => {
    const [volume = ''] = serviceOf('postgresql').volumes;
    expect(Object.keys(file.volumes)).toContain(volume.split(':')[0]);
  });
});
