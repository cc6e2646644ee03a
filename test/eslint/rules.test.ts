import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ESLint } from 'eslint';
import { describe, expect, it } from 'vitest';
import { importTable } from '../../eslint/import-table.js';
import { root } from '../../scripts/setup/places.mjs';

const eslint = new ESLint({ cwd: root });

/** What the compiler or the package makes, and what is no source of ours. */
const ignored = ['node_modules', 'dist', 'coverage'];

/** The rules that a text breaks as a file of this name. The rules with types need the name of a file that exists. */
async function broken(file: string, text: string): Promise<string[]> {
  const [result] = await eslint.lintText(text, { filePath: join(root, file) });
  return (result?.messages ?? []).map(({ ruleId, message }) => ruleId ?? message);
}

/** JavaScript names need no project: enough for every rule without types. */
const asJavaScript = (folder: string) => `${folder}/lint-example.js`;

describe('the lint rules', () => {
  it('hold static imports, re-exports, dynamic imports and types to the table', async () => {
    const outside = "'../worker/composition.ts'";
    for (const text of [
      `import {} from ${outside};`,
      `export {} from ${outside};`,
      `export * from ${outside};`,
      `await import(${outside});`,
    ]) {
      expect(await broken(asJavaScript('domain'), text), text).toContain('keybaton/imports');
      expect(await broken(asJavaScript('test'), text), text).not.toContain('keybaton/imports');
    }
  });

  it('let material be revealed only where it is named', async () => {
    for (const text of ['x.reveal();', "x['reveal']();", 'const { reveal } = x;', 'list.map(x.reveal);']) {
      expect(await broken('activities/issue.js', text), text).toContain('keybaton/reveal');
      expect(await broken('control/http-api/server.js', text), text).toContain('keybaton/reveal');
      expect(await broken('providers/openai.js', text), text).not.toContain('keybaton/reveal');
      expect(await broken('consumer/client.js', text), text).not.toContain('keybaton/reveal');
    }
  });

  it('keep the console out of everything but commands', async () => {
    const text = "console.log('x');";
    expect(await broken(asJavaScript('worker'), text)).toContain('no-console');
    expect(await broken('control/operations/rotate.js', text)).toContain('no-console');
    for (const folder of ['bin', 'scripts', 'control/cli']) {
      expect(await broken(asJavaScript(folder), text), folder).not.toContain('no-console');
    }
  });

  it('refuse an async validator of an update', async () => {
    for (const validator of ['validator: async () => {}', 'async validator() {}', 'validator: async function () {}']) {
      const text = `setHandler(update, handler, { ${validator} });`;
      expect(await broken(asJavaScript('workflows'), text), text).toContain('no-restricted-syntax');
    }
    const text = 'setHandler(update, async () => {}, { validator() {} });';
    expect(await broken(asJavaScript('workflows'), text)).not.toContain('no-restricted-syntax');
  });

  it('keep clock and chance out of the domain and the activities', async () => {
    for (const folder of ['domain', 'activities']) {
      expect(await broken(asJavaScript(folder), 'Date.now();'), folder).toContain('no-restricted-properties');
      expect(await broken(asJavaScript(folder), 'Math.random();'), folder).toContain('no-restricted-properties');
    }
  });

  it('know every folder of the repository that holds TypeScript', () => {
    const sources = readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !ignored.includes(entry.name))
      .map(({ name }) => name)
      .filter((name) =>
        readdirSync(join(root, name), { recursive: true }).some((path) => String(path).endsWith('.ts')),
      );
    expect(Object.keys(importTable)).toEqual(expect.arrayContaining(sources));
    expect(sources).toContain('domain');
  });
});

describe('the rules with types', () => {
  const file = 'test/eslint/rules.test.ts';

  it.each([
    ['no-floating-promises', 'export async function a(): Promise<void> {}\na();\n'],
    ['no-explicit-any', 'export const a: any = 1;\n'],
    ['no-non-null-assertion', 'export const a = (x?: string) => x!.length;\n'],
    ['switch-exhaustiveness-check', "export function a(x: 'b' | 'c') {\n  switch (x) {\n    case 'b':\n  }\n}\n"],
    ['no-misused-promises', 'export const a: { v: () => void } = { v: async () => {} };\n'],
  ])(
    '%s',
    async (rule, text) => {
      expect(await broken(file, text)).toContain(`@typescript-eslint/${rule}`);
    },
    // The first one reads the whole project: on a busy machine that takes a minute.
    180_000,
  );
});
