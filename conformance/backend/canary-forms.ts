/** Does the text hold the canary, plain or in an encoding that a log, a header or a database may put it into? */
export function holdsAnyForm(text: string, canary: string): boolean {
  return formsOf(canary).some((form) => text.includes(form));
}

function formsOf(canary: string): readonly string[] {
  const bytes = Buffer.from(canary, 'utf8');
  const base64 = [0, 1, 2].map((shift) => innerBase64(bytes, shift));
  return [canary, bytes.toString('hex'), bytes.toString('hex').toUpperCase(), ...base64];
}

/** Base64 of a text that stands `shift` bytes into a group of three: without the ends that its neighbours change. */
function innerBase64(bytes: Buffer, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString('base64')
    .replace(/=+$/, '');
  return text.slice(shift === 0 ? 0 : shift + 1, -2);
}
