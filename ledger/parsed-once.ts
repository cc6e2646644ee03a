/** Texts that are remembered of one kind: more than a busy worker reads again and again. */
const most = 2_000;

/**
 * Reads JSON of our own columns: the same text comes again with every reading of a credential, and is parsed once. What is
 * answered is shared, so it is frozen.
 */
export function parsedOnce<Value>(shaped: (parsed: Value) => Value = (parsed) => parsed): (text: string) => Value {
  const known = new Map<string, Value>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    // Written by this ledger from a value of this type.
    const value = frozen(shaped(JSON.parse(text) as Value));
    const [oldest] = known.keys();
    if (known.size >= most && oldest !== undefined) known.delete(oldest);
    known.set(text, value);
    return value;
  };
}

function frozen<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value;
  for (const one of Object.values(value)) frozen<unknown>(one);
  return Object.freeze(value);
}
