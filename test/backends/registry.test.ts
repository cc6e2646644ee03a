import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { openEmbedded } from '../../backends/embedded.ts';
import { createReadMain } from '../../backends/embedded/read-main.ts';
import { backendRegistry } from '../../backends/registry.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { call, key, make } from './embedded-subject.ts';
import { testPlace } from './in-memory-subject.ts';

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

  it('the embedded vault made from settings asks for its own key, and a second opening reads what it promoted', async () => {
    const folder = temporaryFolder('registry');
    const settings = { file: join(folder.path, 'vault.db') };
    const purposes: string[] = [];
    const access = {
      name: 'own',
      admin: () => Promise.reject(new Error('unused')),
      key: (purpose: string) => {
        purposes.push(purpose);
        return key;
      },
    };
    const made = make();
    const backend = backendRegistry.embedded.open(settings, access);
    await backend.stage(testPlace, made, call());
    await backend.promote(testPlace, { version: made.version, epoch: 1, expected: undefined }, call());

    const second = openEmbedded(settings, access);
    const { version, epoch, fields } = createReadMain(second)(testPlace.path, 'current');
    expect([version, epoch, fields.revealValue() === made.value]).toEqual([made.version, 1, true]);
    expect(new Set(purposes)).toEqual(new Set(['embedded-vault']));
    second.close();
    folder.remove();
  });
});
