/**
 * One text for one JSON value: members sorted by name, no white space, undefined members left out. Strings are made
 * well-formed and lose NUL, because a database may refuse or replace what UTF-8 cannot hold, and the hash must survive storage.
 */
export function canonical(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'string') return JSON.stringify(storable(value));
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError('a number in an event is not finite');
    return JSON.stringify(value);
  }
  if (typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'object') {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, member]) => `${canonical(name)}:${canonical(member)}`);
    return `{${members.join(',')}}`;
  }
  throw new TypeError(`a ${typeof value} cannot be written to the ledger`);
}

export function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '');
}
