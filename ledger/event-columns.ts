/** A column that this kind of event always fills. An event without it was not written by us. */
export function named(column: string | null): string {
  if (column === null) throw new TypeError('an event lacks its credential, version or incident');
  return column;
}

export function numbered(column: number | null): number {
  if (column === null) throw new TypeError('an event lacks its epoch');
  return column;
}
