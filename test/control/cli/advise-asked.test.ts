import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseCredentialId } from '../../../domain/identifiers.ts';
import { openBench } from '../bench.ts';
import type { Bench } from '../bench.ts';
import { apply, ask } from './advise-files.ts';
import type { Files } from './advise-files.ts';

let bench: Bench;

beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const bot = parseCredentialId('in-memory/prod/bot');
const other = parseCredentialId('in-memory/prod/other');
const chat = parseCredentialId('openai/prod/bot');
describe('what is asked for', () => {
  const files: Files = {
    entries: {
      [bot]: 'target: memory, consumers: [{ name: web }, { name: night }]',
      [other]: 'target: memory, mode: ask, consumers: [{ name: web, demand: acknowledged }]',
    },
    targets: { memory: {} },
  };

  test('one credential is told of alone, and one nobody has heard of is NOT_FOUND', async () => {
    await apply(bench, files);
    const codesOf = async (...line: readonly string[]) =>
      (await ask(bench, ...line)).answer.advice.map(({ code }) => code);
    expect(await codesOf()).toEqual(['shared-key', 'weak-proof']);
    expect(await codesOf(bot)).toEqual(['shared-key']);
    expect(await codesOf(other)).toEqual(['weak-proof']);
    expect(await bench.run(['advise', 'in-memory/prod/nobody'])).toMatchObject({ exit: 4, stdout: '' });
  });

  test('one team is told of its own credentials alone', async () => {
    await apply(bench, files);
    expect((await ask(bench, '--team', 'search')).answer).toMatchObject({ credentials: 2, advice: [{}, {}] });
    expect(await ask(bench, '--team', 'chat')).toMatchObject({
      exit: 0,
      text: 'nothing to advise; 0 credentials looked at\n',
      answer: { credentials: 0, advice: [] },
    });
  });
});

test('asking writes nothing, and no line is wider than 100 columns', async () => {
  await apply(bench, {
    entries: { [chat]: `target: ai, consumers: [{ name: web }]` },
    targets: { ai: { provider: 'openai', settings: '{ project: proj_a }' } },
  });
  await bench.promote(chat, 'r1');
  const before = await bench.ledger.history({ limit: 1_000 });
  const { text } = await ask(bench);
  expect(text).toContain('no-key-needed');
  expect(text.split('\n').filter((line) => line.length > 100 && !line.includes('https://'))).toEqual([]);
  expect(await bench.ledger.history({ limit: 1_000 })).toEqual(before);
});

test('before anything was applied there is nothing to advise', async () => {
  expect(await ask(bench)).toMatchObject({ exit: 0, text: 'nothing to advise; 0 credentials looked at\n' });
});
