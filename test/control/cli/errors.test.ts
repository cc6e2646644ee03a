import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KeybatonError, errorTable } from '../../../domain/errors.ts';
import { parseCredentialId } from '../../../domain/identifiers.ts';
import { openLedger } from '../../../ledger/open.ts';
import { oneEntry, oneTarget, openBench } from '../bench.ts';
import type { Bench } from '../bench.ts';

const bot = parseCredentialId('in-memory/prod/bot');
let bench: Bench;

beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

describe('a clear message with what to do, and nothing is lost', () => {
  test('bad YAML: file, line and what is wrong; the inventory stays as it was', async () => {
    await bench.apply();
    const { exit, stderr } = await bench.apply('teams: [search\ncredentials:\n');
    expect([exit, stderr]).toEqual([
      2,
      expect.stringMatching(
        /inventory\.yml:\d+:\d+ .*not valid YAML: .*bracket that is never closed.*\n[\s\S]*nothing was changed/,
      ),
    ]);
    expect((await bench.ledger.inventory()).entries).toHaveLength(1);
  });

  test('a changed duration is shown as people write it', async () => {
    await bench.apply();
    const { stdout } = await bench.apply(oneEntry.replace('- name: web', '- { name: web, deadline: 2h }'));
    expect(stdout).toContain('deadline: 24 h -> 2 h');
  });

  test('unknown provider: which there are', async () => {
    const { exit, stderr } = await bench.apply(oneEntry, oneTarget.replace('provider: in-memory', 'provider: openay'));
    expect([exit, stderr]).toEqual([
      2,
      expect.stringMatching(
        /targets\.yml:4:5 targets\.memory\.provider: no such provider: expected one of anthropic, .*openai/,
      ),
    ]);
  });

  test('mistakes are one JSON document with --json, each with file, path, line and what was expected', async () => {
    await bench.write('inventory.yml', oneEntry.replace('team: search', 'team: serach'));
    await bench.write('targets.yml', oneTarget);
    const { exit, stdout, stderr } = await bench.run([
      'apply',
      join(bench.folder, 'inventory.yml'),
      '--targets',
      join(bench.folder, 'targets.yml'),
      '--json',
    ]);
    expect([exit, stdout]).toEqual([2, '']);
    expect(JSON.parse(stderr)).toMatchObject({
      error: {
        code: 'INVALID_CONFIG',
        exit: 2,
        retryable: false,
        problems: [
          {
            file: 'inventory',
            path: ['credentials', bot, 'team'],
            line: 6,
            column: 5,
            text: expect.stringContaining('expected one of search'),
          },
        ],
      },
    });
  });

  test('a file that is not there: its name, and how to begin', async () => {
    const { exit, stderr } = await bench.run(['apply', join(bench.folder, 'nowhere.yml')]);
    expect([exit, stderr]).toEqual([4, expect.stringMatching(/there is no file .*nowhere\.yml/)]);
  });

  test('unreachable Temporal: its address; the request is recorded and the same command goes on', async () => {
    await bench.apply();
    bench.rotations.down = new KeybatonError('UNAVAILABLE', 'Temporal at 127.0.0.1:7233 does not answer');
    const { exit, stderr } = await bench.run(['rotate', bot]);
    expect([exit, stderr.replace(/\s+/g, ' ')]).toEqual([
      10,
      expect.stringMatching(/Temporal at 127\.0\.0\.1:7233 does not answer; nothing is lost: the request is recorded/),
    ]);
    bench.rotations.down = undefined;
    expect((await bench.run(['rotate', bot])).exit).toBe(0);
    expect((await bench.ledger.facts(bot)).requests).toHaveLength(1);
  });

  test('an id with odd characters: what an id looks like, without the characters', async () => {
    const { exit, stderr } = await bench.run(['rotate', 'in-memory/prod/b\u001b[2Jot\n']);
    expect([exit, stderr.replace(/\s+/g, ' ')]).toEqual([
      2,
      expect.stringContaining('is not a credential id: write provider/environment/application'),
    ]);
    expect(stderr).not.toContain('\u001b');
  });

  test('locked ledger: that it is locked; nothing was written, and the same command goes on', async () => {
    await bench.apply();
    const lock = new Database(join(bench.folder, 'ledger.sqlite'));
    lock.exec('begin immediate');
    const { exit, stderr } = await bench.run(['pause', bot, '--why', 'night']);
    lock.exec('rollback');
    lock.close();
    expect([exit, stderr]).toEqual([10, expect.stringMatching(/ledger/)]);
    expect((await bench.ledger.facts(bot)).requests).toEqual([]);
    expect((await bench.run(['pause', bot, '--why', 'night'])).exit).toBe(0);
  });

  test('a ledger that cannot be opened: why, and doctor', async () => {
    const openPorts = async (): Promise<never> => {
      await openLedger({ url: 'nonsense:' });
      throw new Error('unreachable');
    };
    const { exit, stderr } = await bench.run(['list'], { openPorts });
    expect([exit, stderr]).toEqual([2, expect.stringContaining('the ledger URL is neither')]);
  });

  test('an entry that is deleted while its rotation runs: said, retired, and nothing of it forgotten', async () => {
    await bench.apply();
    await bench.promote(bot);
    const { exit, stdout } = await bench.apply('teams: [search]\ncredentials: {}\n');
    expect([exit, stdout]).toEqual([
      0,
      expect.stringMatching(
        /- in-memory\/prod\/bot {2}retired: its versions are watched until they are dead[\s\S]*is rotating: it goes on with the new entry/,
      ),
    ]);
    expect((await bench.run(['status', bot])).stdout).toContain('keybaton release in-memory/prod/bot --retire');
  });

  test('a consumer that is added while the rotation runs: said, and demanded', async () => {
    await bench.apply();
    await bench.promote(bot, 'r1');
    await bench.end(bot, 'r1', 'rotated');
    await bench.promote(bot, 'r2');
    const { exit, stdout } = await bench.apply(`${oneEntry}      - name: batch\n`);
    expect([exit, stdout]).toEqual([
      0,
      expect.stringMatching(/consumers\[1\].*[\s\S]*is rotating: it goes on with the new entry/),
    ]);
    expect((await bench.run(['status', bot])).stdout).toContain('batch: no instance seen');
  });
});

describe('anything that goes wrong', () => {
  // What is thrown is not always an Error: that is the point here.
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
  const failing = (thrown: unknown) => ({ openPorts: () => Promise.reject<never>(thrown) });

  test.each(Object.entries(errorTable))(
    '%s has the exit code of the table, and its code with --json',
    async (code, { exit, retryable }) => {
      const thrown = new KeybatonError(code as keyof typeof errorTable, 'it did not work');
      expect(await bench.run(['list'], failing(thrown))).toMatchObject({
        exit,
        stdout: '',
        stderr: expect.stringContaining('keybaton: it did not work'),
      });
      const { stderr } = await bench.run(['list', '--json'], failing(thrown));
      expect(JSON.parse(stderr)).toEqual({ error: { code, message: 'it did not work', exit, retryable } });
    },
  );

  test('shows neither stack, nor cause, nor a message that is not our own', async () => {
    const leak = 'canary-sk-0815';
    const thrown = [
      new Error(leak),
      leak,
      new KeybatonError('UNAVAILABLE', 'no answer', { cause: new Error(leak) }),
      Object.assign(new Error('x'), { name: leak }),
      undefined,
      { toString: () => leak },
    ];
    for (const one of thrown) {
      for (const line of [['list'], ['list', '--json']]) {
        const { exit, stdout, stderr } = await bench.run(line, failing(one));
        expect(exit).toBe(10);
        expect(stdout + stderr).not.toContain(leak);
        expect(stderr).not.toMatch(/\n\s+at /);
      }
    }
  });

  test.each([
    [['nonsense'], 'unknown command'],
    [['list', '--nonsense'], 'unknown option'],
    [['show'], 'an argument is missing'],
    [['show', bot, 'more'], 'too many arguments'],
    [['history', '--limit'], 'an option lacks its value'],
    [['history', '--limit', 'many'], 'wants a whole number'],
    [['rotate', bot, '--wait', '--timeout', 'soon'], 'is not a duration'],
    [['audit', 'nonsense'], 'unknown command'],
  ])('on the command line %j is told and exits with 2', async (line, text) => {
    await bench.apply();
    expect(await bench.run(line)).toMatchObject({ exit: 2, stderr: expect.stringContaining(text) });
  });

  test('does not repeat what was typed where it may be a secret', async () => {
    for (const line of [['canary-4711'], ['list', '--token=canary-4711'], ['show', bot, 'canary-4711']]) {
      expect((await bench.run(line)).stderr).not.toContain('canary-4711');
    }
  });
});
