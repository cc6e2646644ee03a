import { PassThrough, Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { runCli } from '../../../control/cli/main.ts';
import type { ConsumerProgram } from '../../../control/consumer-program.ts';

const bot = 'openai/prod/bot';
const good = [
  'exec',
  bot,
  '--consumer',
  'web',
  '--env',
  'KEY=api_key',
  '--health',
  'true',
  '--',
  'node',
  'app.js',
  '--port=1',
];

async function run(line: readonly string[], { token = 'kbc_x', exec = async () => 3 }: Given = {}) {
  const asked: ConsumerProgram[] = [];
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const err = stderr.setEncoding('utf8').toArray();
  const exit = await runCli(line, {
    openPorts: () => Promise.reject(new Error('exec needs no ledger')),
    openIncidentPorts: () => Promise.reject(new Error('exec needs no ledger')),
    processes: { worker: async () => 0, api: async () => 0, up: async () => 0 },
    exec: async (program) => {
      asked.push(program);
      return exec(program);
    },
    variable: (name) => (name === 'KEYBATON_TOKEN' ? token : undefined),
    stdin: Readable.from([]),
    stdout,
    stderr,
    user: 'ada',
    signal: new AbortController().signal,
  });
  stderr.end();
  return { exit, stderr: (await err).join(''), asked };
}

interface Given {
  readonly token?: string;
  readonly exec?: (program: ConsumerProgram) => Promise<number>;
}

const without = (option: string): readonly string[] => {
  const at = good.indexOf(option);
  return [...good.slice(0, at), ...good.slice(at + 2)];
};

describe('exec', () => {
  test('hands the program with its arguments over, and answers its exit code', async () => {
    const { exit, asked } = await run(good);
    expect(exit).toBe(3);
    expect(asked).toMatchObject([
      {
        connect: { url: 'http://127.0.0.1:7270', token: 'kbc_x', credential: bot, consumer: 'web' },
        command: ['node', 'app.js', '--port=1'],
        variables: [{ name: 'KEY', field: 'api_key' }],
        files: [],
        health: 'true',
        healthyWithin: 60_000,
      },
    ]);
  });

  test('takes several variables and files', async () => {
    const { asked } = await run([
      ...good.slice(0, 4),
      '--env',
      'A=a',
      '--env',
      'B=b',
      '--file',
      '/run/k=c',
      ...good.slice(6),
    ]);
    expect(asked).toMatchObject([
      {
        variables: [
          { name: 'A', field: 'a' },
          { name: 'B', field: 'b' },
        ],
        files: [{ name: '/run/k', field: 'c' }],
      },
    ]);
  });

  test.each([
    ['no consumer', without('--consumer'), /--consumer is missing/],
    ['no health check', without('--health'), /--health is missing: a version is proved only once/],
    ['nothing of the secret', without('--env'), /--env or --file is missing/],
    ['no program', good.slice(0, 8), /argument is missing/],
    ['a variable without a field', good.map((word) => (word === 'KEY=api_key' ? 'KEY' : word)), /wants name=field/],
    [
      'a signal beside variables',
      [...good.slice(0, 2), '--on-change', 'HUP', ...good.slice(2)],
      /goes with --file alone/,
    ],
    [
      'no such signal',
      ['exec', bot, '--consumer', 'web', '--file', '/k=v', '--health', 'true', '--on-change', 'HUPP', '--', 'app'],
      /wants the name of a signal/,
    ],
  ])('refuses %s, and starts nothing', async (_name, line, message) => {
    const { exit, stderr, asked } = await run(line);
    expect([exit, stderr, asked]).toEqual([2, expect.stringMatching(message), []]);
  });

  test('refuses to go on without a token', async () => {
    const { exit, stderr } = await run(good, { token: '' });
    expect([exit, stderr]).toEqual([2, expect.stringMatching(/KEYBATON_TOKEN is not set/)]);
  });

  test('says in our codes what the side of the consumer says', async () => {
    const denied = Object.assign(new Error('this token is not known'), { code: 'ACCESS_DENIED' });
    const { stderr } = await run(good, { exec: () => Promise.reject(denied) });
    expect(stderr).toMatch(/ACCESS_DENIED.*this token is not known|this token is not known/);
    const absent = Object.assign(new Error('spawn /x ENOENT'), { code: 'ENOENT' });
    expect(await run(good, { exec: () => Promise.reject(absent) })).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('cannot be opened') as string,
    });
  });
});
