import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { backendRegistry } from '../backends/registry.ts';
import { commands } from '../control/cli/commands.ts';
import { errorTable } from '../domain/errors.ts';
import { readInventory } from '../inventory/read.ts';
import { providers } from '../providers/registry.ts';
import { inventoryAdapters } from '../worker/inventory-adapters.ts';
import {
  brokenLinks,
  forbiddenWords,
  missingCommands,
  missingHeadings,
  yamlExamples,
  type HeadingRule,
} from './check/page-problems.ts';
import { root } from './setup/places.mjs';

/**
 * Holds the pages to the repository: links lead somewhere, every adapter has its page with the headings, every command
 * and error is described, the examples of the README are accepted as they stand, and no page names a place of ours.
 */
const pages = [...globSync('*.md', { cwd: root }), ...globSync('{docs,consumer,test}/**/*.md', { cwd: root })]
  .filter((page) => !page.includes('node_modules'))
  .toSorted();
const text = (page: string): string => readFileSync(join(root, page), 'utf8');

const providerHeadings: readonly HeadingRule[] = [
  'Needs',
  'Permissions',
  'Overlap',
  'What revoke means and how fast',
  'Limits',
  'What it cannot do',
].map((heading) => [heading]);
const backendHeadings: readonly HeadingRule[] = [
  ['Permissions', 'The least policy'],
  ['Staging', 'Where things lie'],
  ['What _current_', 'Staging, and what _current_'],
  ['Limits'],
];

/** The in-memory adapters are one page: they are one adapter with different powers. */
const pageOf = (folder: string, name: string): string =>
  `docs/${folder}/${name.startsWith('in-memory') ? 'in-memory' : name}.md`;

function adapterProblems(folder: string, names: readonly string[], headings: readonly HeadingRule[]): string[] {
  return names.flatMap((name) => {
    const page = pageOf(folder, name);
    if (!existsSync(join(root, page))) return [`${folder}/${name} has no page ${page}`];
    return missingHeadings(text(page), headings).map((heading) => `${page} has no heading "${heading}"`);
  });
}

function readmeProblems(): string[] {
  const [targets, inventory] = [
    yamlExamples(text('README.md'), 'targets'),
    yamlExamples(text('README.md'), 'credentials'),
  ];
  const [firstTargets] = targets;
  if (firstTargets === undefined || inventory.length === 0) return ['README.md has no example of both files'];
  return inventory.flatMap((example) => {
    const reading = readInventory({
      targets: firstTargets,
      inventory: example,
      adapters: inventoryAdapters({ providers, backends: backendRegistry }),
      others: [],
    });
    return reading.kind === 'checked' ? [] : reading.problems.map((problem) => `README.md: ${JSON.stringify(problem)}`);
  });
}

const problems = [
  ...pages.flatMap((page) =>
    brokenLinks(text(page), (link) => existsSync(join(root, page, '..', link))).map(
      (link) => `${page} links to ${link}, which is not there`,
    ),
  ),
  ...adapterProblems('providers', Object.keys(providers), providerHeadings),
  ...adapterProblems('backends', Object.keys(backendRegistry), backendHeadings),
  ...missingCommands(
    text('docs/cli.md'),
    commands.map(({ name }) => name),
  ).map((name) => `docs/cli.md has no ${name}`),
  ...Object.keys(errorTable)
    .filter((code) => !text('docs/errors.md').includes(`\`${code}\``))
    .map((code) => `docs/errors.md has no ${code}`),
  ...readmeProblems(),
  ...pages.flatMap((page) => forbiddenWords(text(page)).map((word) => `${page} says "${word}"`)),
];

for (const problem of problems) console.error(problem);
console.log(`${pages.length} pages, ${problems.length} problems`);
if (problems.length > 0) process.exitCode = 1;
