import { createHmac } from 'node:crypto';
import { KeybatonError } from '../domain/errors.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';

/**
 * `kb1:<pepperId>:HMAC-SHA256(pepper, provider NUL value)` in hexadecimal: finds the owner of a leaked value without
 * storing it. `pepperId` names the pepper, so that fingerprints made before it was rotated stay recognisable.
 */
export function fingerprint(pepper: Uint8Array, pepperId: string, provider: string, material: SecretMaterial): string {
  if (pepper.length < 32) throw new KeybatonError('INVALID_CONFIG', 'the pepper must be at least 32 bytes');
  if (!/^[a-z0-9]{1,32}$/.test(pepperId))
    throw new KeybatonError('INVALID_CONFIG', 'a pepper id is 1 to 32 of a-z 0-9');
  if (provider.includes('\0')) throw new KeybatonError('INVALID_CONFIG', 'a provider name holds a NUL character');
  const digest = createHmac('sha256', pepper).update(`${provider}\0${material.revealValue()}`, 'utf8').digest('hex');
  return `kb1:${pepperId}:${digest}`;
}

/** One word of printable characters: nothing was pasted that the clipboard added. */
const oneWord = /^[\x21-\x7e]+$/;

/** Does the value look as its vendor says that values do? Without a documented pattern: is it one word? */
export function looksLike(pattern: RegExp | undefined, material: SecretMaterial): boolean {
  return material.revealValue().search(pattern ?? oneWord) === 0;
}

/**
 * Does the value fit the masked one (`sk-a...xyz`) that a provider shows of a key? `cannot tell` when it shows none, or
 * too little of it.
 */
export function fitsHint(hint: string | undefined, material: SecretMaterial): 'fits' | 'differs' | 'cannot tell' {
  const value = material.revealValue();
  const masked = (hint ?? '').split(/\s+/).flatMap((word) => {
    const [, start = '', end = ''] = /^([^.*…]*)(?:\.{3,}|…|\*{2,})([^.*…]*)$/.exec(word) ?? [];
    return start.length + end.length >= 3 ? [{ start, end }] : [];
  });
  if (masked.length === 0) return 'cannot tell';
  const fits = masked.some(({ start, end }) => value.startsWith(start) && value.endsWith(end));
  return fits ? 'fits' : 'differs';
}
