import { formsOf } from '../demo/encodings.ts';
import type { Place } from '../demo/search-places.ts';

/** A value seen where none may be: which one, in which form. Never the value itself. */
export interface Hit {
  readonly value: number;
  readonly form: string;
}

/** How long a piece of a value may be before it counts as the value. */
const window = 8;

/** Looks for every value in a place: whole, in every form, and in pieces of eight bytes as they are. */
export function search(place: Place, values: readonly string[]): readonly Hit[] {
  const whole = values.flatMap((text, value) =>
    [...formsOf(text)]
      .filter(([, needles]) => needles.some((needle) => place.bytes.some((bytes) => bytes.includes(needle))))
      .map(([form]): Hit => ({ value, form })),
  );
  const pieces = [...piecesFound(place, values)].map((value): Hit => ({ value, form: 'a piece of eight bytes' }));
  return [...whole, ...pieces];
}

/** One pass over the bytes for all pieces of all values: their number is values times length. */
function piecesFound(place: Place, values: readonly string[]): ReadonlySet<number> {
  const pieces = new Map<string, number>();
  // Most places in a text are ruled out by their first three bytes alone.
  const begins = new Uint8Array(1 << 24);
  values.forEach((text, value) => {
    const bytes = Buffer.from(text, 'utf8');
    for (let at = 0; at + window <= bytes.length; at += 1) {
      pieces.set(bytes.toString('latin1', at, at + window), value);
      begins[bytes.readUIntBE(at, 3)] = 1;
    }
  });
  const found = new Set<number>();
  for (const bytes of place.bytes) {
    for (let at = 0; at + window <= bytes.length; at += 1) {
      if (begins[bytes.readUIntBE(at, 3)] === 0) continue;
      const value = pieces.get(bytes.toString('latin1', at, at + window));
      if (value !== undefined) found.add(value);
    }
  }
  return found;
}
