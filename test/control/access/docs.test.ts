import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseAccess } from '../../../control/access/access-file.ts';
import { accessPage } from '../../../scripts/write-access-page.ts';

test('docs/access.md shows the table of roles (node scripts/write-access-page.ts writes it)', async () => {
  const page = await readFile(join(import.meta.dirname, '..', '..', '..', 'docs', 'access.md'), 'utf8');
  expect(page).toBe(await accessPage());
  expect(page.match(/^\| `[a-z-]+` /gm)?.length).toBeGreaterThan(40);
});

test('docs/access.md shows an access file that can be used', async () => {
  const page = await readFile(join(import.meta.dirname, '..', '..', '..', 'docs', 'access.md'), 'utf8');
  const shown = /```yaml\n([^`]*)```/.exec(page)?.[1] ?? '';
  const filled = shown.replace(/'SHA-256 that [^']*'/, `'${'ab'.repeat(32)}'`);
  expect(Object.keys(parseAccess(filled, 'access.yml').workloads)).toEqual(['cluster']);
});
