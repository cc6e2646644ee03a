import { readFile, stat } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KeybatonError } from '../../../domain/errors.ts';
import { parseCredentialId } from '../../../domain/identifiers.ts';
import type { VersionId } from '../../../domain/identifiers.ts';
import { openBench } from '../bench.ts';
import type { Bench, Ran } from '../bench.ts';
import { sheetOf } from '../kill-sheet.ts';

const bot = parseCredentialId('in-memory/prod/bot');
const canary = 'canary-4711-value';
let bench: Bench;
let version: VersionId;

beforeEach(async () => {
  bench = await openBench();
  await bench.apply();
  version = await bench.promote(bot);
});
afterEach(() => bench.close());

const kill = (...line: string[]): Promise<Ran> => bench.run(['emergency', bot, '--reason', 'leaked', ...line]);
const temporalDown = new KeybatonError('UNAVAILABLE', 'Temporal does not answer at 127.0.0.1:7233');

describe('keybaton emergency', () => {
  test('declares, says who told of the key and who kills it, and ends when it is proved dead', async () => {
    const { exit, stdout, stderr } = await kill();
    expect([exit, stderr]).toEqual([
      0,
      expect.stringMatching(/1 key of 1 credential, from the ledger[\s\S]*the workers kill/),
    ]);
    expect(stdout).toMatch(/incident i\d{8}-[a-z0-9]{8}: the key is proved dead\nnext: keybaton incident watch i/);
    expect(bench.incidents.declared[0]?.declaration).toMatchObject({ who: 'os:ada', why: 'leaked', parts: 1 });
  });

  test('while Temporal does not answer kills from this process and tells each fact', async () => {
    bench.incidents.temporalDown = temporalDown;
    const { exit, stdout, stderr } = await kill();
    expect([exit, stderr]).toEqual([
      0,
      expect.stringMatching(
        /this process kills\n {2}killing from this process: Temporal does not answer[\s\S]*revoked\n.*proved dead \(refused\)/,
      ),
    ]);
    expect(stdout).toContain('the key is proved dead');
  });

  test('while everything is down but the kill sheet still kills', async () => {
    bench.incidents.sheet = sheetOf([{ credential: bot, version }]);
    bench.incidents.ledgerDown = 'hangs';
    bench.incidents.temporalDown = temporalDown;
    bench.incidents.diskDown = new KeybatonError('CAPACITY_EXHAUSTED', 'the disk is full');
    const { exit, stderr } = await kill();
    expect([exit, bench.incidents.killed[0]?.versions.map((one) => one.version)]).toEqual([0, [version]]);
    expect(stderr).toContain('from the kill sheet of this machine');
  });

  test('that a key survives ends with 10, and lists it with why', async () => {
    bench.incidents.stubborn.add(version);
    const { exit, stdout } = await kill('--direct');
    expect(exit).toBe(10);
    expect(stdout).toMatch(/NOT THROUGH[\s\S]*not contained: the provider does not answer/);
    expect(stdout).toContain('1 key of 1 NOT proved dead');
  });

  test('with --no-wait declares and returns', async () => {
    const { exit, stdout } = await kill('--no-wait');
    expect([exit, stdout]).toEqual([0, expect.stringContaining('1 key being killed')]);
  });

  test('with --dry-run shows what would die, when and who would feel it, and touches nothing', async () => {
    const { exit, stdout } = await kill('--dry-run');
    expect([exit, bench.incidents.order]).toEqual([0, []]);
    expect(stdout).toMatch(
      /would kill 1 key of 1 credential, from the ledger[\s\S]*at once[\s\S]*consumers +web[\s\S]*nothing was killed/,
    );
  });

  test('with --json answers one document, and notes go nowhere', async () => {
    const { exit, stdout, stderr } = await kill('--direct', '--json');
    expect([exit, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({
      kind: 'declared',
      how: 'direct',
      blast: { keys: [{ credential: bot, version }] },
      state: { keys: 1, counts: { dead: 1 }, running: false },
    });
  });

  test('without a reason, or without a scope, says what is missing', async () => {
    expect(await bench.run(['emergency', bot])).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('--reason is missing'),
    });
    const { exit, stderr } = await bench.run(['emergency', '--reason', 'x']);
    expect([exit, stderr.replace(/\s+/g, ' ')]).toEqual([2, expect.stringContaining('say what leaked')]);
  });
});

describe('a count', () => {
  const many = Array.from(
    { length: 26 },
    (_, index) =>
      `  in-memory/prod/bot-${index}:\n    target: memory\n    team: search\n    consumers: [{ name: web }]\n`,
  );
  beforeEach(async () => {
    await bench.apply(`teams: [search]\ncredentials:\n${many.join('')}`);
    for (let index = 0; index < 26; index += 1) await bench.promote(parseCredentialId(`in-memory/prod/bot-${index}`));
  });
  const line = ['emergency', '--team', 'search', '--reason', 'x'];

  test('must be said for more than 25 keys where nobody can be asked', async () => {
    const { exit, stderr } = await bench.run(line);
    expect([exit, stderr.replace(/\s+/g, ' '), bench.incidents.order]).toEqual([
      2,
      expect.stringMatching(/this kills 2[67] keys: look at them with --dry-run, then say --count 2[67]/),
      [],
    ]);
  });

  test('is asked for at a terminal, and another number declares nothing', async () => {
    const typing = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined });
    const running = bench.run(line, { keyboard: typing });
    typing.write('5\r');
    const { exit, stderr } = await running;
    expect([exit, bench.incidents.order]).toEqual([2, []]);
    expect(stderr).toContain('type the number to go on');
  });
});

describe('keybaton emergency --leaked', () => {
  const leaked = (stdin = `${canary}\n`, ...line: string[]): Promise<Ran> =>
    bench.run(['emergency', '--leaked', '--reason', 'in a log', ...line], { stdin });

  test('kills the version with this fingerprint, and prints the value nowhere', async () => {
    bench.incidents.prints.set(canary, [{ provider: 'in-memory', fingerprint: `kb1:p:${version}` }]);
    const { exit, stdout, stderr } = await leaked();
    expect(exit).toBe(0);
    const [one] = bench.incidents.declared;
    expect(one?.parts[0]?.versions.map((frozen) => frozen.version)).toEqual([version]);
    expect(stdout + stderr + JSON.stringify(one)).not.toContain(canary);
  });

  test('of a dead version says since when, and declares nothing', async () => {
    bench.incidents.prints.set(canary, [{ provider: 'in-memory', fingerprint: `kb1:p:${version}` }]);
    await bench.ledger.declareIncident({ incident: 'i1', versions: [version], who: 'os:ada', why: 'x' });
    await bench.ledger.dead({ version, grade: 'refused' });
    const { exit, stdout } = await leaked();
    expect([exit, stdout, bench.incidents.order]).toEqual([
      0,
      expect.stringMatching(
        /that is kb\w+, proved dead since .*\nnothing is to be killed, and no incident was declared/,
      ),
      [],
    ]);
  });

  test('of nobody known is killed by value where its provider offers that', async () => {
    bench.incidents.byValue.set(canary, 'github');
    const { exit, stdout } = await leaked();
    expect([exit, stdout]).toEqual([0, expect.stringContaining('github was given the value and has revoked it')]);
    expect(bench.incidents.declared[0]?.declaration.parts).toBe(0);
  });

  test('of nobody known that no provider kills says so, opens an incident without keys, and ends with 7', async () => {
    bench.incidents.shapes.set(canary, ['openai']);
    const { exit, stdout } = await leaked();
    expect([exit, stdout.replace(/\s+/g, ' ')]).toEqual([
      7,
      expect.stringMatching(
        /it looks like openai; no provider we know kills a key by its value alone.*is open, without any key of ours/,
      ),
    ]);
    expect(bench.incidents.declared).toHaveLength(1);
  });

  test.each([
    ['behind --leaked', ['emergency', '--reason', 'x', '--leaked', canary]],
    ['as a scope', ['emergency', canary, '--reason', 'x']],
    ['in the option', ['emergency', `--leaked=${canary}`, '--reason', 'x']],
  ])('%s as an argument is refused, and not repeated', async (_how, line) => {
    const { exit, stdout, stderr } = await bench.run(line, { stdin: '' });
    expect([exit, stdout, stderr.includes(canary)]).toEqual([2, '', false]);
    expect(bench.incidents.order).toEqual([]);
  });
});

describe('killing by hand', () => {
  test('is told by show --by-hand from the ledger, and from the kill sheet when it is down', async () => {
    const { exit, stdout } = await bench.run(['show', bot, '--by-hand']);
    expect([exit, stdout]).toEqual([0, expect.stringMatching(/from the ledger[\s\S]*curl -X DELETE key-/)]);
    bench.incidents.ledgerDown = new KeybatonError('UNAVAILABLE', 'locked');
    bench.incidents.sheet = sheetOf([{ credential: bot, version }]);
    const again = await bench.run(['show', bot, '--by-hand', '--json']);
    expect(JSON.parse(again.stdout)).toMatchObject({ source: 'kill sheet', keys: [{ version }] });
  });

  test('is bundled for every key from the kill sheet alone, to print or into a private file', async () => {
    bench.incidents.ledgerDown = 'hangs';
    bench.incidents.sheet = sheetOf([{ credential: bot, version }]);
    const printed = await bench.run(['kill-sheet', 'bundle']);
    expect([printed.exit, printed.stdout]).toEqual([0, expect.stringContaining(`## ${bot}`)]);
    const file = `${bench.folder}/bundle.md`;
    const { exit, stdout } = await bench.run(['kill-sheet', 'bundle', '--out', file]);
    expect([exit, stdout]).toEqual([0, `${file}: 1 key of 1 credential\n`]);
    expect([await readFile(file, 'utf8'), (await stat(file)).mode & 0o777]).toEqual([printed.stdout, 0o600]);
  });

  test('without a kill sheet says where one comes from', async () => {
    const { exit, stderr } = await bench.run(['kill-sheet', 'bundle']);
    expect([exit, stderr]).toEqual([10, expect.stringContaining('there is no kill sheet to read')]);
  });
});
