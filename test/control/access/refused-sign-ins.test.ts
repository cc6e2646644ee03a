import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { placeOf } from '../../../control/access/address-place.ts';
import { openSignedTokens } from '../../../control/access/signed-tokens.ts';
import { installationKey } from '../../../worker/installation-key.ts';
import { glass, grantOf, openAccessWorld } from './access-world.ts';
import type { AccessWorld } from './access-world.ts';

let world: AccessWorld;
beforeEach(async () => {
  world = await openAccessWorld();
});
afterEach(() => world.close());

const tries = (token: string, address = '192.0.2.7') =>
  world.people.identify({ authorization: `Bearer ${token}` }, address).then(
    () => 'let in',
    () => 'refused',
  );
const bodies = () => world.noted.filter(({ kind }) => kind === 'access.refused').map(({ body }) => body);
const ann = { by: 'oidc', issuer: 'company', subject: 's', name: 's', groups: ['sre'] } as const;

describe('a refused sign-in is in the record', () => {
  test.each<[string, string, () => string | Promise<string>]>([
    ['token', 'unknown', () => `kbp_${'A'.repeat(43)}`],
    ['break-glass', 'unknown', () => `kbg_${'A'.repeat(43)}`],
    ['unknown', 'malformed', () => 'canary-what-somebody-typed'],
    [
      'signed-token',
      'bad signature',
      () =>
        openSignedTokens(installationKey(new Uint8Array(32).fill(4))).sign(
          { ...ann, groups: [...ann.groups] },
          world.clock.now,
          world.clock.now + 60_000,
        ),
    ],
    [
      'signed-token',
      'expired',
      () => world.signed.sign({ ...ann, groups: [...ann.groups] }, world.clock.now - 90_000, world.clock.now - 60_000),
    ],
    [
      'signed-token',
      'wrong issuer or audience',
      () => world.signed.signNote('leaving', {}, world.clock.now, world.clock.now + 60_000),
    ],
  ])('as %s, because it is %s; what was shown never', async (method, why, shown) => {
    const token = await shown();
    expect(await tries(token)).toBe('refused');
    expect(world.noted).toEqual([
      {
        kind: 'access.refused',
        actor: 'unknown',
        body: { operation: 'sign-in', method, address: '192.0.2.7', person: null, why, times: 1 },
      },
    ]);
    expect(JSON.stringify(world.noted)).not.toContain(token.slice(4, 24));
  });

  test('of a token of ours that was revoked, and of one that ran out', async () => {
    const [revoked, old] = [
      await world.token('one', [grantOf('viewer')]),
      await world.token('two', [grantOf('viewer')], 1),
    ];
    const [first] = await world.desk.tokens.list();
    await world.desk.tokens.revoke(first?.id ?? '', 'os:ada', world.clock.now);
    world.clock.now += 5;
    await tries(revoked);
    await tries(old);
    expect(bodies().map(({ why }) => why)).toEqual(['revoked', 'expired']);
  });

  test('once a minute and address, with how often it came again', async () => {
    for (let times = 0; times < 40; times += 1) await tries(`kbp_${'A'.repeat(43)}`);
    await tries(`kbp_${'A'.repeat(43)}`, '198.51.100.9');
    expect(bodies()).toHaveLength(2);
    world.clock.now += 60_000;
    await tries(`kbp_${'A'.repeat(43)}`);
    await expect
      .poll(() =>
        bodies()
          .map(({ times }) => times)
          .toSorted(),
      )
      .toEqual([1, 1, 1, 39]);
  });

  test('of many addresses in a few lines, so that nobody fills the disk', async () => {
    for (let host = 0; host < 200; host += 1) await tries('nothing', `192.0.2.${String(host)}`);
    await world.refused.close();
    expect(bodies()).toHaveLength(21);
    expect(bodies().at(-1)).toMatchObject({ address: 'several', times: 180 });
  });

  test('while the ledger is down too, and comes into it later', async () => {
    world.down.ledger = true;
    await tries('nothing');
    expect(await readFile(join(world.folder, 'events.jsonl'), 'utf8')).toContain('"malformed"');
    world.down.ledger = false;
    await world.events.drain();
    expect(bodies()).toMatchObject([{ why: 'malformed', address: '192.0.2.7' }]);
  });

  test('and whoever shows nothing, or is let in, is none', async () => {
    await expect(world.people.identify({}, '192.0.2.7')).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    expect(await tries(glass)).toBe('let in');
    expect(bodies()).toEqual([]);
  });
});

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:0db8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
])('%s counts as %s', (address, place) => {
  expect(placeOf(address)).toBe(place);
});
