import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  credentialParts,
  isCredentialId,
  isVersionId,
  parseCredentialId,
  parseVersionId,
  rotationWorkflowId,
  versionIdFrom,
} from '../../domain/identifiers.ts';

const part = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/);

describe('a credential id', () => {
  it('is read into its parts and back', () => {
    fc.assert(
      fc.property(part, part, part, (provider, environment, application) => {
        const id = parseCredentialId(`${provider}/${environment}/${application}`);
        expect(credentialParts(id)).toEqual({ provider, environment, application });
        expect(rotationWorkflowId(id)).toBe(`rotation/${id}`);
      }),
    );
  });
  it.each([
    '',
    'openai/prod',
    'openai/prod/bot/two',
    'openai//bot',
    'OpenAI/prod/bot',
    'openai/prod/-bot',
    'openai/prod/bot\n',
    'openai/prod/../etc',
    'openai/prod/b%2Fot',
    `openai/prod/${'x'.repeat(64)}`,
  ])('is not %j', (text) => {
    expect(isCredentialId(text)).toBe(false);
    expect(() => parseCredentialId(text)).toThrow(/is not a credential id/);
  });
  it('shows at most eighty letters of what it refuses, on one line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 0, maxLength: 500 }), (text) => {
        if (isCredentialId(text)) return;
        const message = thrownBy(() => parseCredentialId(text));
        expect(message).not.toMatch(/[\n\r]/);
        expect(message.length).toBeLessThan(80 * 6 + 200);
      }),
    );
  });
});

describe('a version id', () => {
  it('is made of random bytes, and is one', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (random) => {
        const usable = random.filter((byte) => byte < 252).length;
        if (usable < 30) expect(() => versionIdFrom(random)).toThrow(/too few/);
        else expect(parseVersionId(versionIdFrom(random))).toMatch(/^kb[a-z0-9]{30}$/);
      }),
    );
  });
  it('has no letter that is likelier than another', () => {
    const counts = new Map<string, number>();
    for (let byte = 0; byte < 252; byte += 1) {
      const letter = versionIdFrom(new Uint8Array(30).fill(byte)).slice(-1);
      counts.set(letter, (counts.get(letter) ?? 0) + 1);
    }
    expect([...counts.values()]).toEqual(Array.from({ length: 36 }, () => 7));
    expect(() => versionIdFrom(new Uint8Array(64).fill(252))).toThrow(/too few/);
  });
  it.each(['', 'kb', `kb${'a'.repeat(29)}`, `kb${'a'.repeat(31)}`, `KB${'a'.repeat(30)}`, `kb${'a'.repeat(30)}\n`])(
    'is not %j',
    (text) => {
      expect(isVersionId(text)).toBe(false);
      expect(() => parseVersionId(text)).toThrow();
    },
  );
});

function thrownBy(act: () => unknown): string {
  try {
    act();
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
  throw new Error('nothing was thrown');
}
