import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { backendRegistry } from '../../backends/registry.ts';

const page = (kind: string) => new URL(`../../docs/backends/${kind}.md`, import.meta.url);

describe('the registry of backends', () => {
  it.each(Object.entries(backendRegistry))('%s is registered under its own kind and has a page', (kind, registered) => {
    expect(registered.kind).toBe(kind);
    expect(existsSync(page(kind))).toBe(true);
  });

  it.each(Object.entries(backendRegistry))('the example on the page of %s is accepted', (kind, registered) => {
    const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(readFileSync(page(kind), 'utf8')) ?? [];
    const entries: { kind: string; settings: unknown }[] = Object.values(parse(example).backends);
    expect(entries.map((entry) => entry.kind)).toEqual([kind]);
    for (const { settings } of entries) {
      expect(registered.settingsSchema.safeParse(settings)).toMatchObject({ success: true });
    }
  });

  it('settings that do not fit are named by path, without their content', () => {
    const access = { name: 'main', admin: () => Promise.reject(new Error('unused')), key: () => new Uint8Array(32) };
    const settings = { address: 'not-a-url-canary', auth: { method: 'token', secret: 'canary' } };
    expect(() => backendRegistry['vault-kv'].open(settings, access)).toThrow(/backend main \(vault-kv\).*auth/s);
    expect(() => backendRegistry['vault-kv'].open(settings, access)).not.toThrow(/canary/);
  });
});
