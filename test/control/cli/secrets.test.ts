import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readMaterial } from '../../../control/cli/read-material.ts';
import { parseCredentialId } from '../../../domain/identifiers.ts';
import { oneEntry, oneTarget, openBench } from '../bench.ts';
import type { Bench } from '../bench.ts';

const bot = parseCredentialId('in-memory/prod/bot');
const canary = 'canary-4711-value';
let bench: Bench;

beforeEach(async () => {
  bench = await openBench();
  await bench.apply();
});
afterEach(() => bench.close());

describe('a secret', () => {
  test.each([
    ['as an argument', ['supply', bot, canary]],
    ['in the place of the id', ['supply', canary]],
    ['behind an option', ['supply', bot, '--value', canary]],
    ['in an option', ['supply', bot, `--api-key=${canary}`]],
    ['behind the id of an import', ['import', bot, '--ref', 'key-1', canary]],
    ['behind two dashes', ['supply', bot, '--', canary]],
  ])('%s is refused with the reason, and not repeated', async (_how, line) => {
    const { exit, stdout, stderr } = await bench.run(line, { stdin: 'another' });
    expect([exit, stdout]).toEqual([2, '']);
    expect(stderr.replace(/\s+/g, ' ')).toContain(
      'a secret is never given as an argument: other users of this machine and the history of your shell can read it',
    );
    expect(stderr).not.toContain(canary);
    expect(bench.supplied).toEqual([]);
  });

  test('is taken from standard input, without the line break that ends it, and printed nowhere', async () => {
    const { exit, stdout, stderr } = await bench.run(['supply', bot], { stdin: `${canary}\n` });
    expect([exit, bench.supplied.map(({ fields }) => Object.values(fields))]).toEqual([0, [[canary]]]);
    expect(stdout + stderr).not.toContain(canary);
  });

  test('is asked for at a terminal, and what is typed there is not shown', async () => {
    const typing = terminal();
    const running = bench.run(['supply', bot], { keyboard: typing });
    typing.write(canary);
    typing.write('\r');
    const { exit, stdout, stderr } = await running;
    expect([exit, bench.supplied.map(({ fields }) => Object.values(fields))]).toEqual([0, [[canary]]]);
    expect(stderr).toContain('(not shown)');
    expect(stdout + stderr).not.toContain(canary);
  });

  test('is not supplied when the prompt is left with Ctrl-C', async () => {
    const typing = terminal();
    const running = bench.run(['supply', bot], { keyboard: typing });
    typing.write(canary);
    typing.write('\u0003');
    const { exit, stdout, stderr } = await running;
    expect([exit, bench.supplied]).toEqual([2, []]);
    expect(stdout + stderr).not.toContain(canary);
  });

  test.each([
    ['nothing', ''],
    ['an empty line', '\n'],
    ['several lines', `${canary}\n${canary}\n`],
    ['an escape sequence', `${canary}\u001b[2J`],
    ['more than any secret', canary.repeat(10_000)],
  ])('that is %s is refused and not repeated', async (_what, stdin) => {
    const { exit, stdout, stderr } = await bench.run(['supply', bot], { stdin });
    expect([exit, bench.supplied]).toEqual([2, []]);
    expect(stdout + stderr).not.toContain(canary);
  });

  test('of several fields is taken as one JSON object, and anything else is refused without a word of it', async () => {
    const shape = { fields: ['username', 'password'], value: 'password' };
    const read = async (text: string) => readMaterial(contextWith(text), shape);
    expect((await read(JSON.stringify({ username: 'app', password: canary }))).reveal()).toEqual({
      username: 'app',
      password: canary,
    });
    for (const text of [
      canary,
      `{"password": "${canary}"}`,
      `{"username": 1, "password": "${canary}"}`,
      `{"username":"a","password":"${canary}","more":"x"}`,
      `["${canary}"]`,
    ]) {
      await expect(read(text)).rejects.toMatchObject({
        code: 'INVALID_CONFIG',
        message: 'expected a JSON object with username, password on standard input',
      });
    }
  });

  test('is not asked for before it is known that it can be used', async () => {
    await bench.apply(oneEntry, oneTarget);
    expect(await bench.run(['supply', 'in-memory/prod/ghost'], { stdin: canary })).toMatchObject({ exit: 4 });
  });
});

/** A keyboard: what is written to it is typed. */
function terminal(): PassThrough & { isTTY: boolean } {
  return Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined });
}

function contextWith(text: string): Parameters<typeof readMaterial>[0] {
  const stdin = new ReadableText(text);
  // Only standard input and the signal are read.
  return { environment: { stdin }, signal: new AbortController().signal } as unknown as Parameters<
    typeof readMaterial
  >[0];
}

class ReadableText {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    yield Buffer.from(this.#text);
  }
}
