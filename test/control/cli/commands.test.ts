import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { commands } from '../../../control/cli/commands.ts';
import { parseCredentialId } from '../../../domain/identifiers.ts';
import { openBench } from '../bench.ts';
import type { Bench } from '../bench.ts';

const bot = parseCredentialId('in-memory/prod/bot');
let bench: Bench;

beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

async function twoVersions(): Promise<void> {
  await bench.apply();
  await bench.promote(bot, 'r1');
  await bench.end(bot, 'r1', 'rotated');
  await bench.promote(bot, 'r2');
}

describe('every command', () => {
  test.each(commands.map(({ name }) => name))('%s has help with a summary and examples', async (name) => {
    const command = commands.find((one) => one.name === name);
    const { exit, stdout } = await bench.run([...name.split(' '), '--help']);
    expect([exit, stdout]).toEqual([0, expect.stringContaining(command?.summary.slice(0, 40) ?? '?')]);
    expect(stdout).toContain('Examples:');
    expect(command?.examples.every(({ line }) => line.startsWith(`keybaton ${name}`) && stdout.includes(line))).toBe(
      true,
    );
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
  });

  test('is in the help of keybaton itself, and has a name of its own', async () => {
    const { stdout } = await bench.run(['--help']);
    const firstWords = commands.map(({ name }) => name.split(' ')[0] ?? '');
    expect(firstWords.filter((word) => !stdout.includes(`\n  ${word}`))).toEqual([]);
    expect(new Set(commands.map(({ name }) => name)).size).toBe(commands.length);
  });

  const lines: readonly (readonly string[])[] = [
    ['apply', 'inventory.yml', '--targets', 'targets.yml', '--dry-run'],
    ['list'],
    ['show', bot],
    ['plan', bot],
    ['rotate', bot],
    ['status'],
    ['status', bot],
    ['acknowledge', bot, 'web', '--why', 'saw it'],
    ['waive', bot, 'web', '--why', 'gone'],
    ['release', bot, '--unproved', '--why', 'gone'],
    ['rollback', bot, '--why', 'broken'],
    ['pause', bot, '--why', 'night'],
    ['unpause', bot],
    ['freeze', '--all', '--why', 'night'],
    ['thaw', '--all'],
    ['supply', bot],
    ['import', bot, '--ref', 'key-1'],
    ['history', bot],
    ['doctor'],
    ['audit', 'verify'],
    ['token', 'make', bot, 'web'],
    ['token', 'list'],
    ['emergency', bot, '--reason', 'leaked', '--dry-run'],
    ['emergency', bot, '--reason', 'leaked'],
    ['incident', 'list'],
    ['incident', 'import'],
  ];

  test.each(lines.map((line) => [line.slice(0, 2).join(' '), line] as const))(
    '%s answers one JSON document with --json, and fits 100 columns without',
    async (_name, line) => {
      await twoVersions();
      const placed = line.map((word) => (word.endsWith('.yml') ? `${bench.folder}/${word}` : word));
      const human = await bench.run(placed, { stdin: 'a-value\n' });
      expect([human.exit, human.stderr.includes('keybaton: ')]).toEqual([0, false]);
      const widest = Math.max(...human.stdout.split('\n').map((one) => one.length));
      expect(widest).toBeLessThanOrEqual(100);
      const json = await bench.run([...placed, '--json'], { stdin: 'a-value\n' });
      expect([json.exit, json.stderr]).toEqual([0, '']);
      const command = commands.find(({ name }) => line.slice(0, name.split(' ').length).join(' ') === name);
      const answers = line.join() === 'status' ? ['total', 'credentials', 'schedule'] : (command?.answers ?? []);
      expect(Object.keys(JSON.parse(json.stdout)).sort()).toEqual([...answers].sort());
    },
  );
});

describe('rotate --wait', () => {
  test('shows the steps, ends with the outcome, and its exit code tells it', async () => {
    await bench.apply();
    bench.rotations.onStart = async () => {
      await bench.promote(bot, 'r1');
      await bench.end(bot, 'r1', 'rotated');
    };
    const { exit, stdout } = await bench.run(['rotate', bot, '--wait']);
    expect([exit, stdout]).toEqual([0, expect.stringContaining(`${bot}: rotated`)]);
    expect(
      ['preflight', 'issuing', 'verifying', 'promoting', 'confirming'].filter((step) => !stdout.includes(step)),
    ).toEqual([]);
  });

  test.each([
    ['discarded', 8],
    ['failed', 8],
    ['indebted', 10],
    ['rolled-back', 0],
  ] as const)('that ends as %s exits with %i', async (outcome, exit) => {
    await bench.apply();
    bench.rotations.onStart = async () => {
      await bench.ledger.startRun({ credential: bot, run: 'r1', reason: 'test', actor: 'os:ada' });
      // A request that stays open would ask for another pass instead of an end.
      for (const { id } of (await bench.ledger.facts(bot)).requests)
        await bench.ledger.withdrawRequest({ id, who: 'os:ada', why: 'test' });
      await bench.end(bot, 'r1', outcome, 'as it is');
    };
    const ran = await bench.run(['rotate', bot, '--wait', '--json']);
    expect([ran.exit, JSON.parse(ran.stdout)]).toEqual([
      exit,
      expect.objectContaining({ credential: bot, outcome, why: 'as it is' }),
    ]);
  });

  test('stopped by Ctrl-C says that the rotation goes on, and exits with 130', async () => {
    await bench.apply();
    const stop = new AbortController();
    bench.rotations.onStart = async () => {
      bench.rotations.running = { step: 'held', since: 0, waitsFor: 'web', version: undefined };
      stop.abort();
    };
    const { exit, stderr } = await bench.run(['rotate', bot, '--wait'], { signal: stop.signal });
    expect([exit, stderr]).toEqual([130, expect.stringContaining('is still rotating: watch it with keybaton status')]);
  });

  test('that does not end in the time given exits with 10 and leaves the rotation alone', async () => {
    await bench.apply();
    bench.rotations.onStart = async () => {
      bench.rotations.running = { step: 'held', since: 0, waitsFor: 'web', version: undefined };
    };
    const { exit, stderr } = await bench.run(['rotate', bot, '--wait', '--timeout', '30ms']);
    expect([exit, stderr]).toEqual([10, expect.stringContaining('not ended within the time given')]);
  });
});

test('a rehearsal that went well exits with 0, though nothing was promoted', async () => {
  await bench.apply();
  bench.rotations.onStart = async () => {
    await bench.ledger.startRun({ credential: bot, run: 'r1', reason: 'rehearsal', actor: 'os:ada' });
    await bench.end(bot, 'r1', 'discarded', 'rehearsed');
  };
  expect(await bench.run(['rehearse', bot, '--wait'])).toMatchObject({
    exit: 0,
    stdout: expect.stringContaining('discarded: rehearsed'),
  });
});

describe('doctor and plan', () => {
  test.each([
    ['failure', 8],
    ['cannot tell', 10],
    ['warning', 0],
  ] as const)('with a %s exit with %i and say what to do', async (verdict, exit) => {
    await bench.apply();
    const finding = { subject: 'vault', verdict, text: 'sealed', remedy: 'unseal it' };
    bench.findings.doctor.push(finding);
    bench.findings.plan.push(finding);
    for (const line of [['doctor'], ['plan', bot]]) {
      const ran = await bench.run(line);
      expect([ran.exit, ran.stdout]).toEqual([exit, expect.stringContaining('-> unseal it')]);
    }
  });
});

describe('processes', () => {
  test('get what was given as settings that win over the environment', async () => {
    expect(await bench.run(['up', '--listen', '127.0.0.1:8080', '--config', './mine.mts'])).toMatchObject({
      exit: 0,
      stdout: 'ready: Temporal at 127.0.0.1:7233 (Ctrl-C stops)\n',
    });
    expect(bench.processes).toMatchObject([
      {
        name: 'up',
        options: {
          overrides: { KEYBATON_API_HOST: '127.0.0.1', KEYBATON_API_PORT: '8080', KEYBATON_CONFIG: './mine.mts' },
        },
      },
    ]);
  });

  test('refuse an address that is none', async () => {
    expect((await bench.run(['api', '--listen', 'everywhere'])).exit).toBe(2);
    expect(bench.processes).toEqual([]);
  });
});

test('watch ends at Ctrl-C with exit code 0, having shown open alarms and every event asked for', async () => {
  await bench.apply();
  await bench.ledger.alarm({ credential: bot, key: 'held/1', text: 'web has not proved', page: true });
  const { exit, stdout } = await bench.run(['watch', '--after', '0', '--for', '50ms', '--json']);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(exit).toBe(0);
  expect(lines).toMatchObject([
    { alarm: { key: 'held/1' } },
    { event: { kind: 'inventory.applied' } },
    { event: { kind: 'entry.added' } },
    { event: { kind: 'alarm.raised' } },
  ]);
});

test('text from elsewhere cannot move the cursor or forge a line', async () => {
  await bench.apply();
  await bench.ledger.alarm({ credential: bot, key: 'x', text: 'fine\u001b[2J\nkeybaton: all good', page: false });
  const { stdout } = await bench.run(['status', bot]);
  expect(stdout).not.toContain('\u001b');
  expect(stdout.split('\n').some((line) => line.startsWith('keybaton: all good'))).toBe(false);
});
