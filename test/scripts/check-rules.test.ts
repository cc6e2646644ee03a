import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ruleProblems } from '../../scripts/check-rules.ts';
import { testTitles } from '../../scripts/check/test-titles.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';

const protocol = '- **P1.1** One.\n- **P1.2** Two.\n';
const titlesOf = (file: string): ReadonlySet<string> | undefined =>
  file === 'a.test.ts' ? new Set(['works']) : undefined;
const works = [{ file: 'a.test.ts', title: 'works' }];

it('a rule without a test is a problem, and so is a test without a rule', () => {
  expect(ruleProblems(protocol, { 'P1.1': works, 'P1.2': works }, titlesOf)).toEqual([]);
  expect(ruleProblems(protocol, { 'P1.1': works, 'P1.2': [] }, titlesOf)).toEqual([
    'P1.2 has no test in test/protocol-rules.yml',
  ]);
  expect(ruleProblems(protocol, { 'P1.1': works, 'P1.2': works, 'P9.9': works }, titlesOf)).toEqual([
    'P9.9 is no rule of docs/protocol.md',
  ]);
});

it('a test that was renamed or moved is a problem', () => {
  const renamed = [{ file: 'a.test.ts', title: 'worked' }];
  const moved = [{ file: 'b.test.ts', title: 'works' }];
  expect(ruleProblems(protocol, { 'P1.1': renamed, 'P1.2': moved }, titlesOf)).toEqual([
    'P1.1: a.test.ts has no test "worked"',
    'P1.2: b.test.ts does not exist',
  ]);
});

it('a page without rules, or with one rule twice, is a problem', () => {
  expect(ruleProblems('', {}, titlesOf)).toEqual(['docs/protocol.md has no rule']);
  expect(ruleProblems(protocol + protocol, { 'P1.1': works, 'P1.2': works }, titlesOf)).toHaveLength(2);
});

it('titles are found as they are written, and nothing that only looks like one', () => {
  const folder = temporaryFolder('titles');
  try {
    const file = join(folder.path, 'x.test.ts');
    const text = [
      "it('plain', () => {});",
      "test.each([1])('of %s', () => {});",
      "it.skipIf(true)('skipped here', () => {});",
      "chapter.test('of the kit', async () => {});",
      "scenario(place, 'on a ledger', async () => {});",
      'it(`in ${step}`, () => {});',
      "/x/.test('no title');",
      'it(named, () => {});',
      "expect('no title either', 1);",
    ];
    writeFileSync(file, text.join('\n'));
    expect([...testTitles(file)]).toEqual([
      'plain',
      'of %s',
      'skipped here',
      'of the kit',
      'on a ledger',
      'in ${step}',
    ]);
  } finally {
    folder.remove();
  }
});
