import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { drillPlace } from '../../../domain/drill.ts';
import { KeybatonError } from '../../../domain/errors.ts';
import type { Ran, RunOptions } from '../bench.ts';
import { ads, bot, inventory, targets } from '../emergency-inventory.ts';
import { openPeopleWorld } from '../http-api/people-world.ts';
import type { PeopleWorld } from '../http-api/people-world.ts';
import { sheetOf } from '../kill-sheet.ts';

let world: PeopleWorld;
const asked: string[] = [];
/** What the next drill comes to. */
let verdict: 'passed' | 'failed' = 'passed';
let refusal: KeybatonError | undefined;

beforeAll(async () => {
  world = await openPeopleWorld();
  const embedded = targets.replace('  vault:', '  own: { kind: embedded, settings: { file: vault.sqlite } }\n  vault:');
  const kept = inventory
    .replace('    dependents:', '    backends: [{ backend: own }]\n    dependents:')
    .replace('    emergency:', '    backends: [{ backend: vault }]\n    emergency:')
    .replace(/groups: \[chat\]\n {4}consumers/, 'groups: [chat]\n    backends: [{ backend: vault }]\n    consumers');
  expect((await world.apply(kept, embedded)).stderr).toBe('');
  const version = await world.promote(bot, 'r1');
  await world.end(bot, 'r1', 'rotated');
  world.incidents.sheet = sheetOf([{ credential: bot, version }]);
  world.incidents.switches.set('memory all-off', {
    name: 'all-off',
    kills: 'everything',
    undo: null,
    pulled: false,
    keys: [],
  });
  Object.assign(world.ports, {
    // The API's own; what asks a provider is taken out of it before anybody may use it.
    sweeping: { schedule: () => Promise.reject(new KeybatonError('UNAVAILABLE', 'no Temporal here')) },
    drillsByWorkers: {
      async run({ credential, actor }: { credential: string; actor: string }) {
        asked.push(`${credential} by ${actor}`);
        if (refusal !== undefined) throw refusal;
        const uses = {
          tried: 9,
          unanswered: 0,
          beforeDeclared: 5,
          afterDeclared: 1,
          afterDead: 0,
          answeredAfterDead: 3,
        };
        const because = verdict === 'passed' ? [] : ['the thief got through after the proof'];
        const measures = { toContained: 40, toDead: 90, toLastUse: 30, uses, verdict, because };
        const kept = { at: 1_000, credential, version, incident: `i-${asked.length}`, measures };
        await world.ledger.remember(drillPlace(bot), JSON.stringify(kept));
        return { kind: 'running' };
      },
    },
  });
});
afterAll(() => world.close());

/** At another machine: its own ledger must not be opened. */
const afar = (line: readonly string[], more: RunOptions = {}): Promise<Ran> =>
  world.run(line, {
    variables: {
      XDG_CONFIG_HOME: join(world.folder, 'config'),
      KEYBATON_URL: world.url(),
      KEYBATON_ACCESS_TOKEN: 'root',
    },
    openPorts: () => Promise.reject(new KeybatonError('UNAVAILABLE', 'the ledger of this machine was opened')),
    ...more,
  });
const flat = (text: string): string => text.replaceAll(/\s+/g, ' ');

describe('a drill through the API', () => {
  test('is run by a worker in the name of who asked, and its measures come back', async () => {
    const { exit, stderr, stdout } = await afar(['drill', bot, '--json']);
    expect([exit, asked]).toEqual([0, [`${bot} by token:root`]]);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ credential: bot, target: 'memory', incident: 'i-1', how: 'temporal' },
      ...{ declaredAt: 1_000, containedAt: 1_040, deadAt: 1_090, measures: { verdict: 'passed' } },
    });
  });

  test('that fails says so by its exit code, and by target one at rest is chosen there', async () => {
    verdict = 'failed';
    const { exit, stdout } = await afar(['drill', '--target', 'memory']);
    expect([exit, stdout]).toEqual([8, expect.stringContaining(`drill of ${bot}: FAILED`)]);
  });

  test('that a worker refuses is refused with its words, and with nothing done', async () => {
    refusal = new KeybatonError('CAPACITY_EXHAUSTED', 'the target has no room');
    const { exit, stderr } = await afar(['drill', bot]);
    refusal = undefined;
    expect([exit, stderr]).toEqual([6, expect.stringContaining('the target has no room')]);
  });

  test('of what is not at rest is refused before any worker is asked', async () => {
    const before = asked.length;
    const { exit, stderr } = await afar(['drill', ads]);
    expect([exit, stderr.includes(ads), asked.length]).toEqual([5, true, before]);
  });
});

describe('the kill sheet through the API', () => {
  test('is the same bundle as on the machine itself, and may be written to a file here', async () => {
    const [there, here] = [await afar(['kill-sheet', 'bundle']), await world.run(['kill-sheet', 'bundle'])];
    expect([there.stderr, there.exit, there.stdout]).toEqual(['', 0, here.stdout]);
    expect(there.stdout).toContain(bot);
    const file = join(world.folder, 'bundle.md');
    expect((await afar(['kill-sheet', 'bundle', '--out', file])).stdout).toContain('1 key of 1 credential');
    expect([(await stat(file)).mode & 0o777, await readFile(file, 'utf8')]).toEqual([0o600, here.stdout]);
  });
});

describe('what only the host of a worker can do', () => {
  test.each([
    [['kill-switch', 'memory', 'all-off', '--dry-run'], 'keybaton kill-switch memory all-off --dry-run'],
    [
      ['kill-switch', 'memory', 'all-off', '--count', '2', '--reason', 'in a notebook'],
      "keybaton kill-switch memory all-off --count 2 --reason 'in a notebook'",
    ],
    [['reconcile'], 'keybaton reconcile (keybaton sweep --now'],
    [
      ['reconcile', '--target', 'memory', '--ignore', 'key-1', '--why', 'the build server', '--revoke-strays'],
      "keybaton reconcile --target memory --ignore key-1 --why 'the build server' --revoke-strays",
    ],
    [['reconcile', '--adopt', 'key-1', '--as', bot], `keybaton reconcile --adopt key-1 --as ${bot}`],
    [['import', bot, '--ref', 'key-1'], `keybaton import ${bot} --ref key-1`],
    [['import', bot, '--cannot-revoke'], `keybaton import ${bot} --cannot-revoke`],
    [['supply', ads], `keybaton supply ${ads}`],
  ])('%j says which line to type there, and reads no value', async (line, instead) => {
    const keyboard = Object.assign(new PassThrough(), { isTTY: false });
    keyboard.write('canary-typed-too-early');
    // The input never ends: a command that waited for a value would never answer.
    const { exit, stderr, stdout } = await afar(line, { keyboard });
    expect([exit, flat(stderr)]).toEqual([7, expect.stringContaining(`on the host of a worker type: ${instead}`)]);
    expect([stdout, keyboard.readableLength]).toEqual(['', 22]);
  });

  test('the switches of a target are listed all the same', async () => {
    const [there, here] = [await afar(['kill-switch', 'memory']), await world.run(['kill-switch', 'memory'])];
    expect([there.exit, there.stdout, there.stdout.includes('all-off')]).toEqual([0, here.stdout, true]);
  });

  test('an import that was sent a value, or says neither ref nor that nobody can revoke it, is refused without it', async () => {
    const ask = (body: object) => world.ask('POST', `/v1/credentials/${bot}/import`, { body });
    const sent = await ask({ ref: 'key-1', value: 'canary-of-import' });
    expect([sent.status, sent.text.includes('canary-of-import')]).toEqual([400, false]);
    expect((await ask({})).json['code']).toBe('INVALID_CONFIG');
    expect(world.logged.join('')).not.toContain('canary-of-import');
  });
});

describe('a value that only a person can make', () => {
  test('goes into the embedded vault through the API, and is in no output, log or record', async () => {
    const { exit, stderr, stdout } = await afar(['supply', bot], { stdin: 'canary-of-afar\n' });
    expect([stderr, exit, stdout]).toEqual(['', 0, expect.stringContaining(`${bot}: taken as`)]);
    expect(world.supplied.at(-1)).toMatchObject({ credential: bot, fields: { api_key: 'canary-of-afar' } });
    const said = stdout + stderr + world.logged.join('') + JSON.stringify(world.people.recorded);
    expect(said).not.toContain('canary-of-afar');
  });
});
