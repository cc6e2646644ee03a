import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkFields, holdsValue, renderFields } from '../../backends/fields.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';

const material = new SecretMaterial({ username: 'app_a', password: 'p/w {username}!"$&' }, 'password');

describe('field templates', () => {
  it('without a mapping every field keeps its name', () => {
    expect(renderFields(undefined, material)).toEqual({ username: 'app_a', password: 'p/w {username}!"$&' });
  });

  it('placeholders are replaced once: a value that looks like one stays as it is', () => {
    expect(renderFields({ PASSWORD: '{password}' }, material)).toEqual({ PASSWORD: 'p/w {username}!"$&' });
  });

  it('{field|url} is safe inside a URL', () => {
    const { DATABASE_URL = '' } = renderFields(
      { DATABASE_URL: 'postgres://{username}:{password|url}@db/app' },
      material,
    );
    const url = new URL(DATABASE_URL);
    expect([url.host, decodeURIComponent(url.password)]).toEqual(['db', material.revealValue()]);
  });

  it('{field|json} is safe inside a JSON text, whose own braces stay', () => {
    const { config = '' } = renderFields(
      { config: '{"login": {"name": "{username}", "secret": "{password|json}"}}' },
      material,
    );
    expect(JSON.parse(config)).toEqual({ login: { name: 'app_a', secret: material.revealValue() } });
  });

  it.each([
    [
      { A: '{passwort}' },
      'field A asks for {passwort}, which this provider does not make: it makes password, username',
    ],
    [{ A: '{password|base64}' }, 'field A asks for {password|base64}: after the bar there may be json, url'],
    [{}, 'fields is empty: name at least one field to write'],
    [{ keybaton_epoch: '{password}' }, 'field keybaton_epoch is written by keybaton itself: choose another name'],
  ])('%j is refused, saying what there is', (fields, message) => {
    expect(() => renderFields(fields, material)).toThrow(message);
    expect(() => checkFields(fields, material.fieldNames())).toThrow(message);
  });

  it('a field of every object, like constructor, is not known', () => {
    expect(() => renderFields({ A: '{constructor}' }, material)).toThrow('it makes password, username');
    expect(() => renderFields({ A: '{password|constructor}' }, material)).toThrow('json, url');
  });

  it('any value comes back out of the URL and JSON variants', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (value) => {
        const any = new SecretMaterial({ value }, 'value');
        const { url = '', json = '' } = renderFields({ url: '{value|url}', json: '"{value|json}"' }, any);
        return decodeURIComponent(url) === value && JSON.parse(json) === value;
      }),
    );
  });

  it('a value is found inside other text, in every variant, at any depth', () => {
    const value = 'long/secret "value"';
    for (const template of ['{v}', 'x{v}y', '{v|url}', '{v|json}']) {
      const stored = renderFields({ f: template }, new SecretMaterial({ v: value }, 'v'));
      expect(holdsValue({ nested: [stored] }, value)).toBe(true);
    }
    expect(holdsValue({ nested: ['another value', 7, null] }, value)).toBe(false);
  });

  it('a short value is only found whole', () => {
    expect(holdsValue({ a: 'abcd' }, 'abc')).toBe(false);
    expect(holdsValue({ a: 'abc' }, 'abc')).toBe(true);
  });
});
