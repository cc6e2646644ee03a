import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { liveIncident } from '../../../control/cli/incident-view.ts';
import { outputTo } from '../../../control/cli/output.ts';
import { showIncident } from '../../../control/operations/incident-show.ts';
import { KeybatonError } from '../../../domain/errors.ts';
import { parseCredentialId } from '../../../domain/identifiers.ts';
import type { VersionId } from '../../../domain/identifiers.ts';
import { defaultIncidentPace } from '../../../domain/incident.ts';
import type { Declaration, FrozenVersion, IncidentProgress, KillFact } from '../../../domain/incident.ts';
import { progressOf } from '../incident-bench.ts';
import { openBench } from '../bench.ts';
import type { Bench } from '../bench.ts';

const bot = parseCredentialId('in-memory/prod/bot');
const incident = 'i20260131-4f9k2m7c';
const down = new KeybatonError('UNAVAILABLE', 'the ledger is locked');
let bench: Bench;
let version: VersionId;
let declaration: Declaration;

beforeEach(async () => {
  bench = await openBench();
  await bench.apply();
  version = await bench.promote(bot);
  declaration = {
    incident,
    declaredAt: Date.now() - 60_000,
    who: 'os:eve',
    why: 'laptop stolen',
    scope: `credential ${bot}`,
    drill: false,
    parts: 1,
    pace: defaultIncidentPace,
  };
});
afterEach(() => bench.close());

const frozen = (): FrozenVersion => ({
  credential: bot,
  version,
  target: 'memory',
  refs: [{ id: 'key-1' }],
  lateUntil: 0,
  fingerprint: undefined,
  places: [],
  onlyByHand: false,
  policy: 'revoke-first',
  killAt: declaration.declaredAt,
});
const inLedger = (): Promise<void> =>
  bench.ledger.declareIncident({
    incident,
    versions: [version],
    who: 'os:eve',
    why: 'laptop stolen',
    scope: declaration.scope,
    declaredAt: declaration.declaredAt,
  });
const running = (more: Partial<IncidentProgress> = {}): void =>
  void bench.incidents.progress.set(incident, { ...progressOf(declaration, [frozen()], 0), ...more });
const onDisk = (...facts: KillFact[]): void =>
  void bench.incidents.journals.push({ declaration, versions: [frozen()], facts, imported: false });

describe('incident show', () => {
  test('shows the clock with the share of each moment, and what is late', async () => {
    await inLedger();
    running({ contained: 1, reached: { declared: declaration.declaredAt, contained: declaration.declaredAt + 1_500 } });
    const { exit, stdout } = await bench.run(['incident', 'show', incident]);
    expect(exit).toBe(0);
    expect(stdout).toMatch(/incident i20260131-4f9k2m7c {2}OPEN\n.*declared 6[\d.]+ s ago by os:eve: laptop stolen/);
    expect(stdout).toMatch(/contained +2 min +1\.5 s\n +dead +5 min +- +4 min left/);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  test('lists keys that are revoked and not yet dead, with their countdown, and those that wait for a person', async () => {
    await inLedger();
    running({
      open: [
        {
          credential: bot,
          version,
          state: 'revoked, not yet dead',
          why: 'accepted still',
          again: Date.now() + 9_900,
          person: false,
        },
        { credential: bot, version, state: 'not contained', why: 'no API', again: undefined, person: true },
      ],
      more: 3,
    });
    const { stdout } = await bench.run(['incident', 'show', incident]);
    expect(stdout).toMatch(/revoked, not yet dead, again in [\d.]+ s: accepted still/);
    expect(stdout).toMatch(/not contained, A PERSON MUST ACT: no API[\s\S]*and 3 more keys/);
    expect(stdout).toContain(`next: keybaton show ${bot} --by-hand`);
  });

  test('offers a take-over when the replacement is late', async () => {
    await inLedger();
    declaration = { ...declaration, declaredAt: Date.now() - 9 * 60_000 };
    running({
      open: [{ credential: bot, version, state: 'not replaced', why: 'held', again: undefined, person: false }],
    });
    const { stdout } = await bench.run(['incident', 'show', incident]);
    expect(stdout).toContain(`next: keybaton incident take-over ${incident} ${bot}`);
    expect(stdout).toMatch(/replaced +8 min +LATE/);
  });

  test('works from the ledger alone, and says that Temporal does not answer and what then', async () => {
    await inLedger();
    bench.incidents.temporalDown = new KeybatonError('UNAVAILABLE', 'Temporal does not answer at 127.0.0.1:7233');
    const { exit, stdout } = await bench.run(['incident', 'show', incident]);
    expect(exit).toBe(0);
    expect(stdout).toMatch(/OPEN, and nobody works on it[\s\S]*did not answer: Temporal: Temporal does not answer/);
    expect(stdout).toContain('next: keybaton doctor');
  });

  test('works from the journal of this machine alone, and says that the ledger has to hear of it', async () => {
    bench.incidents.ledgerDown = down;
    const at = declaration.declaredAt + 400;
    onDisk(
      { kind: 'contained', credential: bot, version, at, refs: [] },
      { kind: 'dead', credential: bot, version, at: at + 600, grade: 'refused' },
    );
    const view = await showIncident(bench.incidents.ports, { incident });
    expect(view).toMatchObject({
      who: 'os:eve',
      keys: 1,
      counts: { contained: 1, dead: 1, replaced: null },
      unimported: true,
      open: [],
      troubles: ['ledger: the ledger is locked'],
    });
    expect(view.clock.find(({ moment }) => moment === 'dead')?.reachedAt).toBe(at + 600);
    expect(view.next.map(({ command }) => command)).toContain('keybaton incident import');
  });

  test('of a name nobody knows says so, and is no such answer while somebody cannot be asked', async () => {
    expect(await bench.run(['incident', 'show', incident])).toMatchObject({ exit: 4 });
    bench.incidents.ledgerDown = down;
    expect(await bench.run(['incident', 'show', incident])).toMatchObject({ exit: 10 });
    expect(await bench.run(['incident', 'show', '../x'])).toMatchObject({ exit: 2 });
  });
});

describe('incident list', () => {
  test('shows what the ledger has, and what only this disk has', async () => {
    await inLedger();
    bench.incidents.journals.push({
      declaration: { ...declaration, incident: 'i20260201-other' },
      versions: [frozen()],
      facts: [],
      imported: false,
    });
    const { stdout } = await bench.run(['incident', 'list']);
    expect(stdout).toMatch(/i20260131-4f9k2m7c .* OPEN +0\/1/);
    expect(stdout).toMatch(/i20260201-other .* not imported +0\/1/);
  });

  test('works while the ledger is down, and says so', async () => {
    bench.incidents.ledgerDown = down;
    onDisk();
    const { exit, stdout, stderr } = await bench.run(['incident', 'list']);
    expect([exit, stdout, stderr]).toEqual([
      0,
      expect.stringContaining(incident),
      expect.stringContaining('the ledger is locked'),
    ]);
  });

  test('does not call a declaration unimported that was handed to the workers', async () => {
    await inLedger();
    onDisk();
    expect(await bench.json(['incident', 'list'])).toMatchObject({ incidents: [{ incident, unimported: false }] });
  });
});

describe('incident watch', () => {
  test('prints a line for each change until it is closed', async () => {
    await inLedger();
    running();
    const watching = bench.run(['incident', 'watch', incident]);
    running({ contained: 1, dead: 1 });
    await bench.ledger.closeIncident({ incident, who: 'os:ada' });
    const { exit, stdout } = await watching;
    expect([exit, stdout.trim().split('\n').at(-1)]).toEqual([
      0,
      expect.stringMatching(/contained 1, dead 1.*closed$/),
    ]);
  });

  test('with --json prints one object per line', async () => {
    await inLedger();
    await bench.ledger.closeIncident({ incident, who: 'os:ada' });
    const { stdout } = await bench.run(['incident', 'watch', incident, '--json']);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([expect.objectContaining({ incident, closedBy: 'os:ada' })]);
  });

  test('is left with Ctrl-C, says that it goes on, and ends with 130', async () => {
    await inLedger();
    const stop = new AbortController();
    const watching = bench.run(['incident', 'watch', incident], { signal: stop.signal });
    stop.abort();
    const { exit, stderr } = await watching;
    expect([exit, stderr]).toEqual([130, expect.stringContaining(`incident ${incident} goes on`)]);
  });

  test('at a terminal draws over what it drew before', async () => {
    await inLedger();
    running();
    const stdout = Object.assign(new PassThrough(), { isTTY: true, columns: 90, rows: 30 });
    const text = stdout.setEncoding('utf8').toArray();
    const live = liveIncident(stdout, outputTo(stdout, new PassThrough(), false), false);
    live.show(await showIncident(bench.incidents.ports, { incident }));
    live.show(await showIncident(bench.incidents.ports, { incident }));
    live.close();
    stdout.end();
    const drawn = (await text).join('');
    const [first = '', second = ''] = drawn.split('\u001b[0J').slice(1);
    const lines = first.split('\n').length - 1;
    expect([second.includes(incident), drawn.includes(`\u001b[${lines}A`)]).toEqual([true, true]);
  });
});

describe('people', () => {
  test('take over a stuck rotation, and the record has it', async () => {
    await inLedger();
    const { exit } = await bench.run(['incident', 'take-over', incident, bot]);
    expect([exit, bench.incidents.asked]).toEqual([0, [`take-over ${incident} ${bot}`]]);
    const { events } = await bench.ledger.incident(incident);
    expect(events.map(({ kind, actor }) => [kind, actor])).toContainEqual([`taken-over/${bot}`, 'os:ada']);
  });

  test('take over although the ledger is down, and are told that it has not heard', async () => {
    bench.incidents.ledgerDown = down;
    const { exit, stderr } = await bench.run(['incident', 'take-over', incident, bot]);
    expect([exit, stderr]).toEqual([
      0,
      expect.stringContaining('the ledger has not heard of it: the ledger is locked'),
    ]);
  });

  test('ask a running incident to close, and close one that nobody works on', async () => {
    await inLedger();
    running();
    expect(await bench.run(['incident', 'close', incident, '--why', 'done'])).toMatchObject({
      exit: 0,
      stdout: expect.stringContaining('was asked to close'),
    });
    expect(bench.incidents.asked).toEqual([`close ${incident} os:ada`]);
    bench.incidents.progress.clear();
    expect(await bench.run(['incident', 'close', incident, '--why', 'done'])).toMatchObject({ exit: 0 });
    expect((await bench.ledger.incident(incident)).closedBy).toBe('os:ada');
    expect(await bench.run(['incident', 'close', incident])).toMatchObject({ exit: 2 });
  });

  test('bring what this machine killed alone into the ledger', async () => {
    onDisk();
    expect((await bench.run(['incident', 'import'])).stdout).toContain(`1 incident imported:\n  ${incident}`);
    expect((await bench.run(['incident', 'import'])).stdout).toContain('nothing to import');
  });
});

describe('an open incident', () => {
  test('is named by status, show and list', async () => {
    await inLedger();
    const status = await bench.run(['status', bot]);
    expect(status.stdout).toMatch(/leaked +kb\w+ \(compromised, not dead\)\n +incident +i20260131-4f9k2m7c is open/);
    expect(status.stdout).toContain(`keybaton incident show ${incident}`);
    expect((await bench.run(['show', bot])).stdout).toContain(`${incident} is open`);
    expect((await bench.run(['list'])).stdout).toContain(`OPEN incident ${incident}: 0 of 1 key dead`);
  });
});

describe('incident report', () => {
  test('is for people by default, and the report alone as JSON', async () => {
    await inLedger();
    const { exit, stdout, stderr } = await bench.run(['incident', 'report', incident]);
    expect([exit, stdout, stderr]).toEqual([
      0,
      expect.stringContaining(incident),
      expect.stringContaining('not written yet'),
    ]);
    const json = await bench.run(['incident', 'report', incident, '--format', 'json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ incident });
    expect(await bench.json(['incident', 'report', incident])).toMatchObject({ writtenAt: null, asWritten: null });
  });

  test('in another format, of nobody, or without the ledger says so', async () => {
    expect(await bench.run(['incident', 'report', incident, '--format', 'pdf'])).toMatchObject({ exit: 2 });
    expect(await bench.run(['incident', 'report', incident])).toMatchObject({ exit: 4 });
    bench.incidents.ledgerDown = down;
    expect(await bench.run(['incident', 'report', incident])).toMatchObject({ exit: 10 });
  });
});
