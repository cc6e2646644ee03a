import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openAccessFile } from '../../../control/access/access-reader.ts';
import { parseAccess } from '../../../control/access/access-file.ts';
import { holderOf } from '../../../control/access/principal.ts';
import { openSignedTokens } from '../../../control/access/signed-tokens.ts';
import { installationKey } from '../../../worker/installation-key.ts';
import { accessYaml, glass, grantOf, openAccessWorld } from './access-world.ts';
import type { AccessWorld } from './access-world.ts';

let world: AccessWorld;
beforeEach(async () => {
  world = await openAccessWorld();
});
afterEach(() => world.close());

const denied = { code: 'ACCESS_DENIED' };

describe('who it is', () => {
  test('a person has the grants of their groups and their own, as the file has them now', async () => {
    const session = await world.people.signIn({
      by: 'oidc',
      issuer: 'company',
      subject: 's1',
      name: 'ann@example.com',
      groups: ['search', 'chess'],
    });
    expect(await world.bearer(session.token)).toMatchObject({
      actor: 'oidc:company:ann@example.com',
      person: 'https://login.example s1',
      method: 'oidc',
      address: '192.0.2.7',
      grants: [grantOf('team', { teams: ['search'] })],
    });
    await world.rewrite(accessYaml.replace('group: search', 'group: nobody'));
    expect((await world.bearer(session.token)).grants).toEqual([]);
  });

  test('somebody without a grant is not signed in', async () => {
    await expect(world.person('s2', ['chess'])).rejects.toMatchObject(denied);
  });

  test('a sign-in ends with its time, and at once when older ones count no more', async () => {
    const principal = await world.person('s1');
    const { token } = await world.people.session(principal);
    await world.rewrite(`${accessYaml}\nsessionsSince: ${new Date(world.clock.now + 5_000).toISOString()}\n`);
    await expect(world.bearer(token)).rejects.toMatchObject(denied);
    await world.rewrite(accessYaml);
    expect((await world.bearer(token)).actor).toBe('oidc:company:s1@example.com');
    world.clock.now += 8 * 3_600_000 + 1_000;
    await expect(world.bearer(token)).rejects.toMatchObject(denied);
  });

  test('a token of ours is a program, and ends when it is revoked, with the sign-ins made with it', async () => {
    const token = await world.token('ci', [grantOf('viewer', { teams: ['search'] })]);
    const principal = await world.bearer(token);
    expect(principal).toMatchObject({ actor: 'token:ci', person: null, method: 'token' });
    const session = await world.people.session(principal);
    expect((await world.bearer(session.token)).actor).toBe('token:ci');
    const [kept] = await world.desk.tokens.list();
    await world.desk.tokens.revoke(kept?.id ?? '', 'os:ada', world.clock.now);
    await expect(world.bearer(token)).rejects.toMatchObject(denied);
    await expect(world.bearer(session.token)).rejects.toMatchObject(denied);
  });

  test('two tokens of one name are told apart, and a person is one by every name', async () => {
    const [one, other] = [await world.token('ci', [grantOf('viewer')]), await world.token('ci', [grantOf('viewer')])];
    expect(holderOf(await world.bearer(one))).not.toBe(holderOf(await world.bearer(other)));
    const session = await world.people.session(await world.bearer(one));
    expect(holderOf(await world.bearer(session.token))).toBe(holderOf(await world.bearer(one)));
    expect(holderOf(await world.person('s1'))).toBe(holderOf(await world.person('s1', ['sre'], 'renamed@example.com')));
  });

  test('a token of ours is kept as a hash, and is good for its lifetime alone', async () => {
    const token = await world.token('ci', [grantOf('viewer')], 60_000);
    expect(await readFile(join(world.folder, 'access-tokens.jsonl'), 'utf8')).not.toContain(token.slice(4));
    world.clock.now += 60_000;
    await expect(world.bearer(token)).rejects.toMatchObject(denied);
  });

  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  test.each<[string, (good: string) => string | Promise<string>]>([
    ['nothing', () => ''],
    ['a token nobody made', () => `kbp_${'A'.repeat(43)}`],
    ['a break-glass token nobody made', () => `kbg_${'A'.repeat(43)}`],
    ['a signature that was changed', (good) => good.slice(0, -3) + (good.endsWith('AAA') ? 'BBB' : 'AAA')],
    [
      'claims that were changed',
      (good) => {
        const [head = '', body = '', mark = ''] = good.split('.');
        const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as { who: object };
        return [head, part({ ...claims, who: { ...claims.who, groups: ['sre', 'security'] } }), mark].join('.');
      },
    ],
    ['no algorithm', (good) => `${part({ alg: 'none', typ: 'JWT' })}.${good.split('.')[1] ?? ''}.`],
    ['another algorithm', (good) => `${part({ alg: 'HS256', typ: 'JWT' })}.${good.split('.').slice(1).join('.')}`],
    [
      'another installation',
      () =>
        openSignedTokens(installationKey(new Uint8Array(32).fill(4))).sign(
          { by: 'oidc', issuer: 'company', subject: 's', name: 's', groups: ['sre'] },
          Date.now(),
          Date.now() + 60_000,
        ),
    ],
    [
      'a note that we signed for something else',
      () => world.signed.signNote('sign-in', { who: 'me' }, Date.now(), Date.now() + 60_000),
    ],
  ])('nobody gets in with %s', async (_what, forge) => {
    const { token } = await world.people.signIn({
      by: 'oidc',
      issuer: 'company',
      subject: 's',
      name: 's',
      groups: ['sre'],
    });
    const forged = await forge(token);
    await expect(world.bearer(forged)).rejects.toMatchObject(denied);
  });

  test('a break-glass token is on disk before it counts, wakes somebody, and opens one review', async () => {
    const principal = await world.bearer(glass);
    expect(principal).toMatchObject({ actor: 'break-glass:safe', person: null, grants: [grantOf('security')] });
    expect(await readFile(join(world.folder, 'break-glass.jsonl'), 'utf8')).toContain('"opened"');
    await world.bearer(glass);
    await world.bearer((await world.people.session(principal)).token);
    await expect.poll(() => world.desk.reviews.list()).toMatchObject([{ token: 'safe', told: true, closed: null }]);
    expect(world.woken).toHaveLength(1);
  });

  test('a sign-in by a break-glass token does not outlive its review unseen: what follows opens another', async () => {
    const { token } = await world.people.session(await world.bearer(glass));
    const [first] = await world.desk.reviews.list();
    const closing = { review: first?.id ?? '', by: 'oidc:company:sam', why: 'looked at', now: world.clock.now };
    await world.desk.reviews.close(closing);
    const { review } = await world.bearer(token);
    expect((await world.desk.reviews.list()).find(({ closed }) => closed === null)?.id).toBe(review);
    await expect.poll(() => world.woken.length).toBe(2);
  });

  test('a sign-in by a break-glass token that is used elsewhere wakes somebody', async () => {
    const { token } = await world.people.session(await world.bearer(glass));
    const thief = await world.people.identify({ authorization: `Bearer ${token}` }, '198.51.100.9');
    await expect.poll(() => world.woken.map(({ address }) => address)).toEqual(['192.0.2.7', '198.51.100.9']);
    expect(thief.review).toBe(world.woken[1]?.id);
  });

  test('a break-glass token wakes again at its next use, after a minute, where nobody could be woken', async () => {
    world.down.pager = true;
    await world.bearer(glass);
    await expect.poll(() => world.desk.reviews.list()).toMatchObject([{ told: false }]);
    world.down.pager = false;
    await world.bearer(glass);
    expect(world.woken).toHaveLength(0);
    world.clock.now += 60_000;
    await world.bearer(glass);
    await expect.poll(() => world.desk.reviews.list()).toMatchObject([{ told: true }]);
    expect(world.woken).toHaveLength(1);
  });

  test('a break-glass token works while ledger and pager are down, and the review says that nobody was woken', async () => {
    Object.assign(world.down, { ledger: true, pager: true });
    const principal = await world.bearer(glass);
    await world.people.record({ principal, operation: 'emergency', outcome: 'done', why: null });
    await expect.poll(() => world.desk.reviews.list()).toMatchObject([{ told: false }]);
    world.down.ledger = false;
    await world.events.drain();
    expect(world.noted.map(({ kind }) => kind).toSorted()).toEqual(['access.done', 'access.glass-broken']);
  });
});

describe('the access file', () => {
  test('says every mistake with its place, and no value', () => {
    const text =
      'url: http://keybaton.example\ngrants:\n  - { group: x, person: y, role: king }\nbreakGlass:\n  a: { sha256: hunter2 }\n';
    expect(() => parseAccess(text, 'access.yml')).toThrowError(
      expect.objectContaining({
        code: 'INVALID_CONFIG',
        message: expect.stringMatching(/access\.yml:1:1 url: .*access\.yml:3:\d+ grants\[0\].*access\.yml:5:/s),
      }),
    );
    expect(() => parseAccess(text, 'access.yml')).not.toThrowError(/hunter2|king/);
  });

  test('needs somebody to wake where there is a glass to break', () => {
    expect(() => parseAccess(`breakGlass:\n  a: { sha256: ${'ab'.repeat(32)} }\n`, 'access.yml')).toThrowError(/woken/);
  });

  test('is refused when others may write it', async () => {
    await chmod(world.path, 0o666);
    await expect(openAccessFile(world.path, () => undefined)).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  });

  test('that is broken later leaves the last good one in force, and says so', async () => {
    const principal = await world.person('s1');
    const { token } = await world.people.session(principal);
    await world.rewrite('grants: [');
    expect((await world.bearer(token)).grants).toEqual([grantOf('oncall')]);
    expect(world.troubles).not.toEqual([]);
  });

  test('is none where there is no file', async () => {
    expect(await openAccessFile(join(world.folder, 'nothing.yml'), () => undefined)).toBeUndefined();
  });
});
