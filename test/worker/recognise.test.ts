import { expect, test } from 'vitest';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { placeholderSettings } from '../../inventory/placeholders.ts';
import { providers, valueRevokers } from '../../providers/registry.ts';
import { recogniser } from '../../worker/recognise.ts';

const shapes = recogniser(providers, valueRevokers);
const look = (value: string, ...names: string[]) => shapes.recognise(new SecretMaterial({ value }, 'value'), names);
const hex = (length: number) => '0123456789abcdef'.repeat(20).slice(0, length);

test('a shape with signs of its own tells by itself whose key it is', () => {
  expect(look(`sk-proj-${hex(74)}T3BlbkFJ${hex(74)}`, 'a/b', 'x')).toEqual({ kind: 'key', providers: ['openai'] });
  expect(look(`sk-ant-api03-${hex(93)}AA`, 'openai', 'x')).toEqual({ kind: 'key', providers: ['anthropic'] });
  expect(look(`sk-or-v1-${hex(64)}`, 'a', 'x')).toEqual({ kind: 'key', providers: ['openrouter'] });
});

test('a shape that random words have too tells only together with a name', () => {
  expect(look(hex(32), 'apps/checksums', 'md5')).toBeUndefined();
  expect(look(hex(32), 'apps/translate', 'MISTRAL_API_KEY')).toEqual({ kind: 'key', providers: ['mistral'] });
  expect(look(hex(32), 'apps/azure', 'azureOpenaiKey')).toEqual({ kind: 'key', providers: ['azure-openai'] });
  expect(look(hex(40), 'apps/cohere', 'key')).toEqual({ kind: 'key', providers: ['cohere'] });
  expect(look(hex(40), 'apps/cohere-aws', 'key')).toEqual({ kind: 'key', providers: ['aws-iam', 'cohere'] });
});

test('logins, admin keys and tokens that nothing rotates are told, in words', () => {
  expect(look('postgres://u:p@h/db', 'a')).toMatchObject({
    kind: 'other',
    what: expect.stringContaining('PostgreSQL'),
  });
  expect(look(`ghp_${hex(36)}`, 'a')).toMatchObject({
    kind: 'other',
    what: expect.stringContaining('killed when it leaks'),
  });
  expect(look('postgres://h/db', 'a')).toBeUndefined();
  expect(look('a sentence of words', 'openai')).toBeUndefined();
});

const shaped = Object.entries(providers).filter(([, make]) => make().material.pattern !== undefined);
test.each(shaped)('a target of %s can be drafted, with what a person must fill in', (_name, make) => {
  const { settingsSchema } = make();
  const made = placeholderSettings(settingsSchema);
  expect(settingsSchema.safeParse(made?.settings).success).toBe(true);
  expect(settingsSchema.safeParse({}).success).toBe(made?.filled.length === 0);
});
