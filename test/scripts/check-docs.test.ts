import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { importTable } from '../../eslint/import-table.js';
import {
  brokenLinks,
  forbiddenWords,
  missingCommands,
  missingHeadings,
  yamlExamples,
} from '../../scripts/check/page-problems.ts';
import { root } from '../../scripts/setup/places.mjs';

const exists = (path: string): boolean => path === 'there.md';

it('a link to a page or heading that is not there is found', () => {
  const page =
    '# One `two`\n[a](there.md) [b](there.md#x) [c](gone.md) [d](#one-two) [e](#three) [f](https://example.com)';
  expect(brokenLinks(page, exists)).toEqual(['gone.md', '#three']);
});

it('what only looks like a link, in code, is none', () => {
  expect(brokenLinks('`[a](gone.md)`\n\n```sh\n[b](gone.md)\n```\n', exists)).toEqual([]);
});

it('a heading that is missing, or only stands in code, is found', () => {
  const page = '## Needs\n\n```sh\n## Limits\n```\n\n## Permissions (least privilege)\n';
  expect(missingHeadings(page, [['Needs'], ['Permissions'], ['Limits', 'Bounds']])).toEqual(['Limits" or "Bounds']);
});

it('a command without a chapter is found', () => {
  expect(missingCommands('## keybaton rotate\n', ['rotate', 'audit verify'])).toEqual(['audit verify']);
});

it('examples are taken by the key at their top', () => {
  const page = '```yaml\ntargets:\n  a: 1\n```\n\n```yaml\nteams: [x]\ncredentials: {}\n```\n\n```sh\ntargets:\n```\n';
  expect(yamlExamples(page, 'targets')).toEqual(['targets:\n  a: 1\n']);
  expect(yamlExamples(page, 'credentials')).toEqual(['teams: [x]\ncredentials: {}\n']);
});

it.each(['/home/someone', '/tmp/world', ['registry', 'npmjs', 'org'].join('.'), 'TODO'])(
  '%s is not for strangers',
  (word) => {
    expect(forbiddenWords(`see ${word}`)).toEqual([word]);
  },
);

it('a path of a server is no place of ours', () => {
  expect(forbiddenWords('file: /var/lib/keybaton/vault.sqlite, /run/secrets/admin')).toEqual([]);
});

it('ARCHITECTURE.md shows every folder of the import table, with every folder that it may import', () => {
  const rows = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  for (const [folder, { may }] of Object.entries(importTable)) {
    const row = rows.find((line) => line.split('|')[1]?.includes(`\`${folder}`) === true);
    expect(row, folder).toBeDefined();
    const allowed = row?.split('|')[3] ?? '';
    // "all" and "all but" are words for what would fill the line.
    for (const other of allowed.includes('all') ? [] : may.filter((one) => !one.endsWith('.ts')))
      expect(allowed, `${folder} may import ${other}`).toContain(`\`${other}`);
  }
});
