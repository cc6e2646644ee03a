import type { Mutant } from './mutants.ts';

/**
 * The files that a mutant changes, as they are with it.
 * @throws when a place that it changes is not exactly one place of its file: a mutant that changes nothing would live for ever.
 */
export function broken({ name, edits }: Mutant, read: (file: string) => string): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const { file, find, replace } of edits) {
    const text = files.get(file) ?? read(file);
    if (text.split(find).length !== 2)
      throw new Error(
        `"${find.trim()}" is not exactly one place of ${file}: the mutant "${name}" must follow the code`,
      );
    files.set(
      file,
      text.replace(find, () => replace),
    );
  }
  return files;
}
