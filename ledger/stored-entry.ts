import type { Entry } from '../domain/entry.ts';
import { parsedOnce } from './parsed-once.ts';

/** An entry as it was applied: JSON loses members that are undefined, and readers expect them present. */
export const storedEntry = parsedOnce<Entry>((entry) => ({
  ...entry,
  contact: entry.contact,
  movedFrom: entry.movedFrom,
  backends: entry.backends.map((one) => ({ ...one, fields: one.fields })),
  consumers: 'none' in entry.consumers ? entry.consumers : entry.consumers.map((one) => ({ ...one, probe: one.probe })),
}));
