import type { Entry } from '../domain/entry.ts';

/** An entry as it was applied: JSON loses members that are undefined, and readers expect them present. */
export function storedEntry(text: string): Entry {
  // Written by `entry.added` and its like from an `Entry`.
  const entry = JSON.parse(text) as Entry;
  return {
    ...entry,
    contact: entry.contact,
    movedFrom: entry.movedFrom,
    backends: entry.backends.map((one) => ({ ...one, fields: one.fields })),
    consumers:
      'none' in entry.consumers ? entry.consumers : entry.consumers.map((one) => ({ ...one, probe: one.probe })),
  };
}
