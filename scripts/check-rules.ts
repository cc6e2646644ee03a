import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { testTitles } from './check/test-titles.ts';
import { root } from './setup/places.mjs';

/**
 * Ties the rules of docs/protocol.md to tests: lists every rule with its tests, and fails on a rule without one, a test
 * that does not exist under exactly that title, and an entry for a rule that does not exist.
 */
const tiesSchema = z.record(z.string(), z.array(z.strictObject({ file: z.string(), title: z.string() })));

export function ruleProblems(protocol: string, ties: z.output<typeof tiesSchema>, titlesOf: TitlesOf): string[] {
  const rules = rulesOf(protocol);
  const known = new Set(rules);
  const twice = rules.filter((rule, index) => rules.indexOf(rule) !== index);
  const untested = rules.filter((rule) => (ties[rule] ?? []).length === 0);
  const unknown = Object.keys(ties).filter((rule) => !known.has(rule));
  const missing = Object.entries(ties).flatMap(([rule, tests]) =>
    tests.flatMap(({ file, title }) => {
      const titles = titlesOf(file);
      if (titles === undefined) return [`${rule}: ${file} does not exist`];
      return titles.has(title) ? [] : [`${rule}: ${file} has no test "${title}"`];
    }),
  );
  return [
    ...(rules.length === 0 ? ['docs/protocol.md has no rule'] : []),
    ...twice.map((rule) => `${rule} stands twice in docs/protocol.md`),
    ...untested.map((rule) => `${rule} has no test in test/protocol-rules.yml`),
    ...unknown.map((rule) => `${rule} is no rule of docs/protocol.md`),
    ...missing,
  ];
}

/** The titles of a file's tests; undefined when there is no such file. */
export type TitlesOf = (file: string) => ReadonlySet<string> | undefined;

export function rulesOf(protocol: string): readonly string[] {
  return [...protocol.matchAll(/^- \*\*(P\d+\.\d+)\*\*/gm)].flatMap(([, rule]) => rule ?? []);
}

if (import.meta.main) {
  const protocol = readFileSync(join(root, 'docs/protocol.md'), 'utf8');
  const ties = tiesSchema.parse(parse(readFileSync(join(root, 'test/protocol-rules.yml'), 'utf8')));
  const read = new Map<string, ReadonlySet<string>>();
  const problems = ruleProblems(protocol, ties, (file) => {
    const path = join(root, file);
    if (!existsSync(path)) return undefined;
    const titles = read.get(file) ?? testTitles(path);
    read.set(file, titles);
    return titles;
  });
  for (const rule of rulesOf(protocol)) {
    console.log(rule);
    for (const { file, title } of ties[rule] ?? []) console.log(`    ${file}: ${title}`);
  }
  for (const problem of problems) console.error(problem);
  const tests = Object.values(ties).flat().length;
  console.log(`${rulesOf(protocol).length} rules, ${tests} tests named, ${problems.length} problems`);
  if (problems.length > 0) process.exitCode = 1;
}
