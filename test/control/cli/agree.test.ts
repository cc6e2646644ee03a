import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withoutProviders } from '../../../control/http-api/people/without-providers.ts';
import { KeybatonError } from '../../../domain/errors.ts';
import { glass, grantOf, openAccessWorld } from '../access/access-world.ts';
import type { AccessWorld } from '../access/access-world.ts';
import type { Ran } from '../bench.ts';
import { bot, inventory, targets } from '../emergency-inventory.ts';
import { openPeopleWorld } from '../http-api/people-world.ts';
import type { PeopleWorld } from '../http-api/people-world.ts';

let access: AccessWorld;
let world: PeopleWorld;

beforeAll(async () => {
  access = await openAccessWorld();
  const { people, desk } = access;
  world = await openPeopleWorld({
    people,
    ports: withoutProviders({
      ports: async () => world.ports,
      incidentPorts: async () => world.incidents.ports,
      access: desk,
    }),
  });
  await world.apply(inventory, targets);
  await world.promote(bot, 'r1');
});
afterAll(async () => {
  await world.close();
  await access.close();
});

/** A token such as `login` keeps. */
async function signedIn(subject: string, groups: readonly string[] = ['sre']): Promise<string> {
  const name = `${subject}@example.com`;
  return (await access.people.signIn({ by: 'oidc', issuer: 'company', subject, name, groups: [...groups] })).token;
}

const as = (token: string, line: readonly string[]): Promise<Ran> =>
  world.run(line, {
    variables: { KEYBATON_URL: world.url(), KEYBATON_ACCESS_TOKEN: token, XDG_CONFIG_HOME: world.folder },
    openPorts: () => Promise.reject(new KeybatonError('UNAVAILABLE', 'the ledger of this machine was opened')),
  });

const waive = ['waive', bot, 'batch', '--why', 'it is retired'];

/** The id of the approval that a refusal names. */
async function refused(token: string): Promise<string> {
  const { exit, stderr } = await as(token, waive);
  const told = stderr.replaceAll(/\s+/g, ' ');
  expect([exit, told]).toEqual([5, expect.stringContaining('two people must agree')]);
  return /approval ([0-9a-f]+)/.exec(told)?.[1] ?? '';
}

describe('keybaton approval', () => {
  test('list shows exactly what is asked, give agrees to it, and then it is done', async () => {
    const [ann, bob] = [await signedIn('ann'), await signedIn('bob')];
    const id = await refused(ann);
    const { stdout } = await as(bob, ['approval', 'list']);
    for (const part of [id, 'waive', 'oidc:company:ann@example.com', '"consumer":"batch"', 'nobody yet'])
      expect(stdout).toContain(part);
    const given = await as(bob, ['approval', 'give', id]);
    expect([given.exit, given.stdout]).toEqual([0, expect.stringContaining('oidc:company:bob@example.com')]);
    expect(await as(ann, waive)).toMatchObject({ exit: 0, stderr: '' });
    expect((await as(bob, ['approval', 'list'])).stdout).toContain('nothing waits');
  });

  test('give by a program is refused', async () => {
    const id = await refused(await signedIn('ann'));
    const program = await access.token('ci', [grantOf('admin')]);
    expect(await as(program, ['approval', 'give', id])).toMatchObject({
      exit: 3,
      stderr: expect.stringContaining('only a person'),
    });
  });

  test('withdraw ends the question', async () => {
    const ann = await signedIn('ann');
    const id = await refused(ann);
    const { exit, stdout } = await as(ann, ['approval', 'withdraw', id, '--json']);
    expect([exit, JSON.parse(stdout)]).toEqual([0, { id, withdrawn: true }]);
    expect((await as(await signedIn('bob'), ['approval', 'give', id])).exit).toBe(4);
  });
});

describe('an import over what consumers read, on the host of a worker', () => {
  const onHost = (path = access.path) =>
    world.run(['import', bot, '--ref', 'key-9'], {
      stdin: 'a value that nobody reads',
      openAccess: async () => ({
        ...access.desk,
        path,
        record: async () => undefined,
        now: Date.now,
        random: (bytes) => new Uint8Array(bytes),
      }),
    });
  /** Past the people: this bench has no worker that imports. */
  const past = expect.not.stringContaining('two people must agree');

  test('is done once two people have agreed to it at the API, and never by the host alone', async () => {
    const first = await onHost();
    const told = first.stderr.replaceAll(/\s+/g, ' ');
    expect([first.exit, told]).toEqual([5, expect.stringMatching(/two people must agree.*which consumers read now/)]);
    const id = /approval ([0-9a-f]+)/.exec(told)?.[1] ?? '';
    const [ann, bob] = [await signedIn('ann', ['search']), await signedIn('bob', ['search'])];
    expect((await as(bob, ['approval', 'list'])).stdout).toContain('"ref":"key-9"');
    expect((await as(ann, ['approval', 'give', id])).exit).toBe(0);
    expect((await onHost()).stderr.replaceAll(/\s+/g, ' ')).toContain(`approval ${id}`);
    expect((await as(bob, ['approval', 'give', id])).exit).toBe(0);
    expect((await onHost()).stderr.replaceAll(/\s+/g, ' ')).toEqual(past);
    // Once: the next one is another question.
    expect((await onHost()).stderr).toContain('two people must agree');
  });

  test('asks nobody where nobody signs in', async () => {
    expect((await onHost(`${access.path}.absent`)).stderr.replaceAll(/\s+/g, ' ')).toEqual(past);
  });
});

describe('keybaton review', () => {
  test('list shows what was done with broken glass, until a person closes it', async () => {
    const sam = await signedIn('sub-of-sam', []);
    expect((await as(sam, ['review', 'list'])).stdout).toContain('never broken');
    expect((await as(glass, ['waive', bot, 'web', '--why', 'night'])).exit).toBe(0);
    const open = await as(sam, ['review', 'list', '--open', '--json']);
    const { reviews } = JSON.parse(open.stdout) as { reviews: { id: string }[] };
    const id = reviews[0]?.id ?? '';
    const shown = (await as(sam, ['review', 'list', '--open'])).stdout.replaceAll(/\s+/g, ' ');
    for (const part of [id, 'safe', 'waive, alone although', ': open']) expect(shown).toContain(part);
    expect((await as(sam, ['review', 'close', id])).exit).toBe(2);
    expect((await as(glass, ['review', 'close', id, '--why', 'mine'])).exit).toBe(3);
    expect((await as(sam, ['review', 'close', id, '--why', 'read with Ann'])).exit).toBe(0);
    expect((await as(sam, ['review', 'list', '--open'])).stdout).toContain('no review is open');
    expect((await as(sam, ['review', 'list'])).stdout).toContain('closed: read with Ann');
  });
});

test.each([
  [['approval', 'list']],
  [['approval', 'give', 'c0ffee']],
  [['approval', 'withdraw', 'c0ffee']],
  [['review', 'list']],
  [['review', 'close', 'c0ffee', '--why', 'x']],
])('%j says that it belongs to the API, where no API is named', async (line) => {
  expect(await world.run(line)).toMatchObject({ exit: 7, stderr: expect.stringContaining('KEYBATON_URL') });
});
