import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { accessJsonSchema } from '../../../control/access/access-json-schema.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(accessJsonSchema());

test('the example of docs/access.md is what schemas/access.schema.json allows', async () => {
  const page = await readFile(join(root, 'docs', 'access.md'), 'utf8');
  const shown = /```yaml\n([^`]*)```/.exec(page)?.[1] ?? '';
  const filled = shown.replace(/'SHA-256 that [^']*'/, `'${'ab'.repeat(32)}'`);
  expect([validate(parse(filled)), validate.errors]).toEqual([true, null]);
  expect(Object.keys(parse(filled) as object)).toContain('workloads');
});

test.each([
  ['a role that nobody has', { grants: [{ group: 'sre', role: 'king' }] }],
  ['a key that it does not know', { sessions: '8h' }],
  ['a token where its hash should stand', { breakGlass: { safe: { sha256: 'kbg_x' } } }],
  ['a duration that is none', { session: 'long' }],
])('it refuses %s', (_what, file) => {
  expect(validate(file)).toBe(false);
});

test('the file in schemas/ is as the code has it (node scripts/write-schemas.ts writes it)', async () => {
  const kept: unknown = JSON.parse(await readFile(join(root, 'schemas', 'access.schema.json'), 'utf8'));
  expect(kept).toEqual(JSON.parse(JSON.stringify(accessJsonSchema())));
});
