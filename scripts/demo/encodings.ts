/** A value in every form in which it could lie somewhere, by the name of the form. */
export function formsOf(value: string): ReadonlyMap<string, readonly Buffer[]> {
  const bytes = Buffer.from(value, 'utf8');
  // What is before a value in base64 shifts it by 0, 1 or 2 bytes; only what does not depend on its neighbours is looked for.
  const shifted = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    const first = Math.ceil((offset * 8) / 6);
    const last = Math.floor(((offset + bytes.length) * 8) / 6);
    return text.slice(first, last);
  });
  const forms: readonly (readonly [string, readonly string[]])[] = [
    ['as it is', [value]],
    ...shifted.map((text, offset): readonly [string, readonly string[]] => [
      `base64, shifted by ${offset}`,
      [text, text.replaceAll('+', '-').replaceAll('/', '_')],
    ]),
    ['hexadecimal', [bytes.toString('hex'), bytes.toString('hex').toUpperCase()]],
    ['URL-encoded', [encodeURIComponent(value), everyByte(bytes), everyByte(bytes).toLowerCase()]],
    ['reversed', [[...value].reverse().join('')]],
  ];
  const found = new Map<string, readonly Buffer[]>();
  for (const [form, texts] of forms)
    found.set(
      form,
      [...new Set(texts)].map((text) => Buffer.from(text, 'latin1')),
    );
  found.set('UTF-16', [Buffer.from(value, 'utf16le')]);
  return found;
}

const everyByte = (bytes: Buffer): string =>
  [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`).join('');
