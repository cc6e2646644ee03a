import { spawnSync } from 'node:child_process';
import { chmod, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commands } from '../../../control/cli/commands.ts';
import { KeybatonError } from '../../../domain/errors.ts';
import { withoutProviders } from '../../../control/http-api/people/without-providers.ts';
import { grantOf, openAccessWorld } from '../access/access-world.ts';
import type { AccessWorld } from '../access/access-world.ts';
import type { Ran } from '../bench.ts';
import { ads, bot, inventory, targets } from '../emergency-inventory.ts';
import { openPeopleWorld } from '../http-api/people-world.ts';
import type { PeopleWorld } from '../http-api/people-world.ts';

let access: AccessWorld;
let world: PeopleWorld;
/** By the name that each was made under; one that nobody made is none. */
const tokens = new Map<string, string>();
const tokenOf = (name: string): string => tokens.get(name) ?? `kbp_${'A'.repeat(43)}`;
let opened: number;
const variables = (more: Record<string, string> = {}): Record<string, string> => ({
  XDG_CONFIG_HOME: join(world.folder, 'config'),
  ...more,
});

beforeAll(async () => {
  access = await openAccessWorld();
  world = await openPeopleWorld({
    people: access.people,
    ports: withoutProviders({
      ports: async () => world.ports,
      incidentPorts: async () => world.incidents.ports,
      access: access.desk,
    }),
  });
  tokens.set('root', await access.token('root', [grantOf('admin')]));
  tokens.set('search', await access.token('search', [grantOf('oncall', { teams: ['search'] })]));
  tokens.set('ads', await access.token('ads', [grantOf('oncall', { teams: ['ads'] })]));
  tokens.set('looker', await access.token('looker', [grantOf('viewer')]));
  await world.apply(inventory, targets);
  await world.promote(bot, 'r1');
  await world.end(bot, 'r1', 'rotated');
  await world.promote(bot, 'r2');
  await world.promote(ads, 'r3');
  await world.end(ads, 'r3', 'rotated');
});
afterAll(async () => {
  await world.close();
  await access.close();
});

/** At another machine: its own ledger must not be opened. */
async function afar(line: readonly string[], more: { stdin?: string; as?: string } = {}): Promise<Ran> {
  opened = 0;
  return world.run(line, {
    variables: variables({ KEYBATON_URL: world.url(), KEYBATON_ACCESS_TOKEN: tokenOf(more.as ?? 'root') }),
    openPorts: () => {
      opened += 1;
      return Promise.reject(new KeybatonError('UNAVAILABLE', 'the ledger of this machine was opened'));
    },
    ...(more.stdin === undefined ? {} : { stdin: more.stdin }),
  });
}

const still = (text: string): unknown => JSON.parse(text.replaceAll(/"now": ?\d+/g, '"now": 0'));

describe('with KEYBATON_URL', () => {
  test.each([
    ['list'],
    ['show', bot],
    ['show', bot, '--by-hand'],
    ['status'],
    ['status', bot],
    ['history', bot],
    ['history', '--after', '0', '--limit', '700'],
    ['incident', 'list'],
    ['advise'],
    ['audit', 'verify'],
    ['token', 'list'],
    ['emergency', bot, '--reason', 'leaked', '--dry-run'],
    ['apply', 'inventory.yml', '--targets', 'targets.yml', '--dry-run'],
  ])('%s %s answers the same JSON as on the machine itself', async (...line) => {
    const placed = line.map((word) => (word.endsWith('.yml') ? `${world.folder}/${word}` : word));
    const [there, here] = [await afar([...placed, '--json']), await world.run([...placed, '--json'])];
    expect([there.stderr, there.exit, still(there.stdout)]).toEqual(['', here.exit, still(here.stdout)]);
    expect(opened).toBe(0);
  });

  test('what changes is done there, under the name of the token', async () => {
    const paused = await afar(['pause', bot, '--why', 'night']);
    expect([paused.exit, paused.stdout]).toEqual([0, expect.stringContaining(`${bot} is paused`)]);
    expect((await world.ledger.facts(bot)).requests.at(-1)).toMatchObject({ kind: 'pause', who: 'token:root' });
    expect((await afar(['unpause', bot])).stdout).toContain('goes on');
  });

  test('rotate --wait follows to the end', async () => {
    world.rotations.onStart = async () => {
      await world.promote(ads, 'r4');
      for (const { id } of (await world.ledger.facts(ads)).requests)
        await world.ledger.withdrawRequest({ id, who: 'os:ada', why: 'test' });
      await world.end(ads, 'r4', 'rotated');
    };
    const { exit, stdout, stderr } = await afar(['rotate', ads, '--wait']);
    expect([stderr, exit, stdout]).toEqual(['', 0, expect.stringContaining(`${ads}: rotated`)]);
  });

  test('an emergency is declared there, and the workers there kill', async () => {
    const { exit, stderr, stdout } = await afar(['emergency', ads, '--reason', 'leaked', '--no-wait', '--json']);
    expect([stderr, exit, JSON.parse(stdout)]).toEqual([
      '',
      0,
      expect.objectContaining({ kind: 'declared', how: 'temporal' }),
    ]);
    expect(world.incidents.killed).toEqual([]);
  });

  test('a leaked value goes by standard input, and is in no output', async () => {
    const { exit, stderr, stdout } = await afar(['emergency', '--leaked', '--reason', 'found'], {
      stdin: 'canary-afar\n',
    });
    expect([exit, stderr]).toEqual([7, expect.stringContaining('keybaton emergency --leaked --reason found')]);
    expect((stdout + stderr).includes('canary-afar')).toBe(false);
  });

  test('errors come back with their code, message and exit code', async () => {
    const { exit, stderr } = await afar(['show', 'in-memory/prod/nobody', '--json']);
    expect([exit, JSON.parse(stderr)]).toEqual([4, { error: expect.objectContaining({ code: 'NOT_FOUND' }) }]);
    expect((await afar(['show', bot], { as: 'ads' })).exit).toBe(4);
    expect((await afar(['list'], { as: 'nobody' })).exit).toBe(3);
  });

  test('whoever may only look is told so, and nothing happens', async () => {
    const before = world.rotations.started.length;
    const refused = await afar(['pause', bot, '--why', 'night'], { as: 'looker' });
    expect([refused.exit, refused.stderr.replaceAll(/\s+/g, ' ')]).toEqual([
      3,
      expect.stringContaining('no role of yours allows pause here'),
    ]);
    expect((await afar(['rotate', bot], { as: 'looker' })).exit).toBe(3);
    expect((await afar(['show', bot], { as: 'looker' })).exit).toBe(0);
    expect([world.rotations.started.length, (await world.ledger.facts(bot)).requests]).toEqual([before, []]);
  });

  test('what needs a provider says which command to type where', async () => {
    const { exit, stderr } = await afar(['plan', bot]);
    expect([exit, stderr.replaceAll(/\s+/g, ' ')]).toEqual([
      7,
      expect.stringContaining(`on the host of a worker type: keybaton plan ${bot}`),
    ]);
  });

  test.each([[['incident', 'import']], [['vault', 'rotate-key']]])(
    '%j, which works on the machine itself alone, touches nothing here',
    async (line) => {
      const { exit, stderr } = await afar(line);
      expect([exit, stderr, opened]).toEqual([7, expect.stringContaining('KEYBATON_URL'), 0]);
    },
  );

  test('a token is not sent in clear text over a network', async () => {
    const sent = await world.run(['list'], {
      variables: variables({ KEYBATON_URL: 'http://192.0.2.1', KEYBATON_ACCESS_TOKEN: 'x' }),
    });
    expect([sent.exit, sent.stderr]).toEqual([2, expect.stringContaining('https')]);
  });
});

describe('login', () => {
  test('keeps the token in a file of its owner, whoami tells, and logout forgets', async () => {
    const run = (line: readonly string[], more: Record<string, string> = {}, stdin?: string) =>
      world.run(line, { variables: variables(more), ...(stdin === undefined ? {} : { stdin }) });
    const wrong = await run(['login', world.url()], {}, `${tokenOf('nobody')}\n`);
    expect(wrong.exit).toBe(3);
    const done = await run(['login', world.url(), '--profile', 'prod'], {}, `${tokenOf('search')}\n`);
    expect([done.stderr, done.exit, done.stdout]).toEqual(['', 0, expect.stringContaining('as token:search')]);
    const file = join(world.folder, 'config', 'keybaton', 'sessions.json');
    expect([(await stat(file)).mode & 0o777, JSON.parse(await readFile(file, 'utf8'))]).toEqual([
      0o600,
      { profiles: { prod: { url: world.url(), token: tokenOf('search') } } },
    ]);
    const who = await run(['whoami'], { KEYBATON_PROFILE: 'prod' });
    expect([who.stdout.includes('token:search'), who.stdout.includes('oncall')]).toEqual([true, true]);
    expect((await run(['whoami'])).stdout).toContain('commands stay on this machine');
    expect((await run(['show', bot], { KEYBATON_URL: world.url() })).stdout).toContain(bot);
    await chmod(file, 0o644);
    expect((await run(['whoami'], { KEYBATON_PROFILE: 'prod' })).stderr).toContain('chmod 600');
    await chmod(file, 0o600);
    expect((await run(['logout', '--profile', 'prod'])).stdout).toContain('prod is forgotten');
    expect((await run(['list'], { KEYBATON_URL: world.url() })).exit).toBe(3);
    expect((await run(['list'], { KEYBATON_PROFILE: 'prod' })).exit).toBe(2);
  });
});

describe('completion', () => {
  test.each(['bash', 'zsh', 'fish'])('%s names every command', async (shell) => {
    const { exit, stdout } = await world.run(['completion', shell]);
    const words = new Set(commands.flatMap(({ name }) => name.split(' ')));
    expect([exit, [...words].filter((word) => !stdout.includes(word))]).toEqual([0, []]);
  });

  test('bash completes the second word of a command', async () => {
    const { stdout } = await world.run(['completion', 'bash']);
    const script = `${stdout}\nCOMP_WORDS=(keybaton incident sh); COMP_CWORD=2; _keybaton; echo "\${COMPREPLY[@]}"`;
    expect(spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8' }).stdout.trim()).toBe('show');
  });

  test('of another shell is INVALID_CONFIG', async () => {
    expect((await world.run(['completion', 'tcsh'])).exit).toBe(2);
  });
});
