import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KeybatonError } from '../../../domain/errors.ts';
import { openBench } from '../bench.ts';
import type { Bench, Ran } from '../bench.ts';
import { sheetOf } from '../kill-sheet.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
  await bench.apply();
  bench.incidents.sheet = sheetOf([{ credential: 'in-memory/prod/bot', version: 'kb1' }]);
  bench.incidents.switches.set('keys-off', {
    ...{ name: 'keys-off', kills: 'every key of the account', undo: 'az resource update', pulled: false },
    keys: [
      { id: 'Key1', hint: 'ab...cd', version: 'kb1' },
      { id: 'Key2', hint: null, version: null },
    ],
  });
});
afterEach(() => bench.close());

const pull = (...line: string[]): Promise<Ran> => bench.run(['kill-switch', 'memory', ...line]);
const pulled = (): readonly string[] => bench.incidents.asked;

describe('keybaton kill-switch', () => {
  test('without a name shows which there are, and how each is taken back', async () => {
    const { exit, stdout } = await pull();
    expect([exit, pulled()]).toEqual([0, []]);
    expect(stdout).toMatch(/keys-off\n {2}ends every key of the account\n {2}to take it back: az resource update/);
  });

  test('--dry-run shows whose keys it ends, who feels it and the number to say, and ends nothing', async () => {
    const { exit, stdout } = await pull('keys-off', '--dry-run');
    expect([exit, pulled()]).toEqual([0, []]);
    for (const part of ['2 keys now', 'Key1 ab...cd  kb1', 'Key2  not of this installation', 'in-memory/prod/bot'])
      expect(stdout).toContain(part);
    expect(stdout).toContain('say --count 2');
  });

  test.each([[[]], [['--count', '1']]])(
    'with the count %j it ends nothing, and says how many it would',
    async (said) => {
      const { exit, stderr } = await pull('keys-off', '--reason', 'leaked', ...said);
      expect(exit).not.toBe(0);
      expect(stderr.replace(/\s+/g, ' ')).toContain('say --count 2');
      expect(pulled()).toEqual([]);
    },
  );

  test('with the right count it is pulled, written down, and the next line replaces what it ended', async () => {
    const { exit, stdout } = await pull('keys-off', '--count', '2', '--reason', 'both leaked');
    expect([exit, pulled()]).toEqual([0, ['pull memory keys-off']]);
    expect(stdout).toContain('next: keybaton emergency in-memory/prod/bot');
    const events = await bench.ledger.history({ limit: 100 });
    expect(events.map(({ kind }) => kind)).toContain('kill-switch.pulled');
  });

  test('a ledger that is down keeps nothing alive: it is told that nobody wrote it down', async () => {
    bench.incidents.ledgerDown = new KeybatonError('UNAVAILABLE', 'the disk is gone');
    const { exit, stdout } = await pull('keys-off', '--count', '2', '--reason', 'both leaked');
    expect([exit, pulled()]).toEqual([0, ['pull memory keys-off']]);
    expect(stdout).toContain('the ledger has not heard of it');
  });

  test('no emergency pulls one', async () => {
    await bench.run(['emergency', 'in-memory/prod/bot', '--reason', 'leaked']);
    expect(pulled().filter((one) => one.startsWith('pull'))).toEqual([]);
  });
});
