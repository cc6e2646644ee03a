import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { SecretMaterial } from '../../domain/secret-material.ts';

/** Values that the running test must find nowhere. Tests of a suite run one after the other. */
const watched = new Set<string>();

export function watchValue(material: SecretMaterial): void {
  const value = material.revealValue();
  assert.ok(value.length >= 8, 'give the kit secret values of at least 8 characters: shorter ones are found by chance');
  watched.add(value);
}

export function forget(): void {
  watched.clear();
}

/** Fails when anything reachable from `thing` shows a watched value, raw or encoded. */
export function assertClean(thing: unknown, where: string): void {
  const text = everythingIn(thing);
  for (const value of watched) {
    for (const [encoding, form] of forms(value)) {
      assert.ok(!text.includes(form), `${where} shows a secret value (${encoding})`);
    }
  }
}

function forms(value: string): readonly (readonly [string, string])[] {
  const bytes = Buffer.from(value);
  return [
    ['raw', value],
    ['base64', bytes.toString('base64').replace(/=+$/, '')],
    ['base64url', bytes.toString('base64url')],
    ['hex', bytes.toString('hex')],
    ['percent-encoded', encodeURIComponent(value)],
    ['json', JSON.stringify(value).slice(1, -1)],
  ];
}

/** Every string reachable from a thing: own properties, hidden ones too, causes, maps, sets, buffers, and how Node prints it. */
function everythingIn(thing: unknown): string {
  const seen = new Set<unknown>();
  const found: string[] = [];
  const walk = (one: unknown): void => {
    if (typeof one === 'string') found.push(one);
    if (typeof one === 'function') found.push(one.name);
    if ((typeof one !== 'object' && typeof one !== 'function') || one === null || seen.has(one)) return;
    seen.add(one);
    if (ArrayBuffer.isView(one)) {
      found.push(Buffer.from(one.buffer, one.byteOffset, one.byteLength).toString('latin1'));
      return;
    }
    if (one instanceof Map) for (const [key, value] of one) [key, value].forEach(walk);
    if (one instanceof Set) one.forEach(walk);
    for (const name of Reflect.ownKeys(one)) {
      found.push(String(name));
      const property = Object.getOwnPropertyDescriptor(one, name);
      if (property !== undefined && 'value' in property) walk(property.value);
    }
  };
  walk(thing);
  found.push(inspect(thing, { depth: 12, showHidden: true }));
  return found.join('\n');
}
