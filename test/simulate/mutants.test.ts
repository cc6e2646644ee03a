import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { broken } from '../../scripts/simulate/broken-copy.ts';
import { mutants } from '../../scripts/simulate/mutants.ts';
import { root } from '../../scripts/setup/places.mjs';

/** What the code would be, file by file. */
function brokenBy(mutant: (typeof mutants)[number]): ReadonlyMap<string, string> {
  return broken(mutant, (file) => readFileSync(join(root, file), 'utf8'));
}

describe('the mutants of the simulation', () => {
  it.each(mutants)('$name: finds its places in the code as it is today, each exactly once', (mutant) => {
    const files = brokenBy(mutant);
    expect([...files.keys()].toSorted()).toEqual([...new Set(mutant.edits.map(({ file }) => file))].toSorted());
    for (const [file, text] of files) {
      expect(text).not.toBe(readFileSync(join(root, file), 'utf8'));
      // Else it would be noticed because nothing runs at all.
      expect(() => stripTypeScriptTypes(text)).not.toThrow();
    }
  });

  it('are told apart by their names', () => {
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
  });

  it('are refused when a place is not there, or is there twice', () => {
    const edit = { file: 'one.ts', find: 'there', replace: 'gone' };
    const mutant = { name: 'one', edits: [edit] };
    expect(broken(mutant, () => 'it is there').get('one.ts')).toBe('it is gone');
    expect(() => broken(mutant, () => 'it is not')).toThrow(/not exactly one place of one\.ts/);
    expect(() => broken(mutant, () => 'there and there')).toThrow(/not exactly one place of one\.ts/);
  });
});
