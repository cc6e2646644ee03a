// Writes the table of roles into docs/access.md. `test/control/access/docs.test.ts` fails when they differ.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { personRoles } from '../control/access/access-file.ts';
import { allowedRoles } from '../control/access/roles.ts';

const path = join(import.meta.dirname, '..', 'docs', 'access.md');
const [begin, end] = ['<!-- roles -->', '<!-- /roles -->'];

export async function accessPage(): Promise<string> {
  const text = await readFile(path, 'utf8');
  const rows = Object.entries(allowedRoles).map(
    ([name, roles]) =>
      `| \`${name}\` | ${personRoles.map((role) => (roles.includes(role) ? 'yes' : '–')).join(' | ')} |`,
  );
  const table = [
    `| operation | ${personRoles.join(' | ')} |`,
    `| --- |${' --- |'.repeat(personRoles.length)}`,
    ...rows,
  ].join('\n');
  const [before = ''] = text.split(begin);
  const after = text.split(end)[1] ?? '';
  return format(`${before}${begin}\n\n${table}\n\n${end}${after}`, {
    ...(await resolveConfig(path)),
    parser: 'markdown',
  });
}

if (import.meta.main) await writeFile(path, await accessPage());
