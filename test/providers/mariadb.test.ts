// What needs no server; the rest is in test/slow/mariadb.test.ts.
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { versionIdFrom } from '../../domain/identifiers.ts';
import { mariadb } from '../../providers/mariadb.ts';
import { dialectOf } from '../../providers/mariadb/dialect.ts';
import { connectionFailure, nothingDone, verdictOf } from '../../providers/mariadb/failures.ts';
import { mariadbSettings, privilegesOf } from '../../providers/mariadb/settings.ts';
import { databasePattern, literal } from '../../providers/mariadb/statements.ts';

const version = versionIdFrom(new Uint8Array(64));
const mysql = dialectOf('8.4.3');
const maria = dialectOf('10.11.19-MariaDB-0+deb12u1');
const answered = (errno: number) =>
  Object.assign(new Error("(conn:3) Access denied\nsql: create user 'x' identified by 'canary-in-sql'"), {
    ...{ errno, sqlState: 'HY000', code: 'ER_SOMETHING', sql: "identified by 'canary-in-sql'" },
  });

describe('what a target may say', () => {
  const least = { host: 'db', database: 'support' };

  test('left out, a version may read, from everywhere, over a verified connection', () => {
    const settings = mariadbSettings.parse(least);
    expect(privilegesOf(settings)).toEqual(['SELECT']);
    expect(settings).toMatchObject({ from: '%', tls: 'verify' });
  });

  test.each([
    [{ privileges: ['ALL'] }],
    [{ privileges: ['GRANT OPTION'] }],
    [{ privileges: [] }],
    [{ privileges: ['SELECT'], role: 'bot' }],
    [{ database: 'a`b' }],
    [{ role: "a'b" }],
    [{ from: "%' account lock" }],
  ])('%j is refused', (more) => {
    expect(mariadbSettings.safeParse({ ...least, ...more }).success).toBe(false);
  });
});

test('a database is given by its very name: _ stands for itself', () => {
  expect(databasePattern('app_prod')).toBe('`app\\_prod`.*');
});

test.each(["a'b", 'a\\b', 'a"b', 'a`b', 'a\nb', 'ä'])(
  'a name with special signs is never put into a statement: %j',
  (name) => {
    expect(() => literal(name)).toThrow(/special signs/);
  },
);

describe('the two dialects', () => {
  test('a user name is the version, with the installation where there is room for it', () => {
    expect(maria.nameOf('inst01', version)).toBe(`inst01-${version}`);
    expect(mysql.nameOf('inst01', version)).toBe(version);
    expect(version).toHaveLength(32);
  });

  test('MariaDB is sent a hash, MySQL the password', () => {
    // The hash of "password", as https://mariadb.com/docs/server/reference/sql-functions/secondary-functions/encryption-hashing-and-compression-functions/password shows its form.
    expect(maria.identified('password')).toContain("'*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19'");
    expect(maria.identified('canary')).not.toContain('canary');
    expect(mysql.identified('canary')).toContain("'canary'");
  });

  test('MySQL tells by the comment whose an account is, and that it is dead', () => {
    const row = { name: version, host: '%', locked: 1, inside: 0 } as const;
    const tag = { installation: 'inst01', version };
    expect(mysql.read({ ...row, note: `inst01:${version}` })).toMatchObject({ tag, dead: false, locked: true });
    expect(mysql.read({ ...row, note: `inst01:${version}:dead` })).toMatchObject({ tag, dead: true });
    expect(mysql.read({ ...row, note: null }).tag).toBeUndefined();
    expect(mysql.read({ ...row, name: 'by-hand', note: `inst01:${version}` }).tag).toBeUndefined();
  });

  test('where the name is bare, the ref carries the mark', () => {
    const target = {
      ...{ name: 'bot', environment: 'test', installation: 'inst01' },
      settings: mariadbSettings.parse({ host: 'db', database: 'support' }),
      admin: () => Promise.reject(new Error('nobody asks')),
    };
    const from = (place: string) =>
      mariadb().generate(target, { version, place, random: (bytes) => new Uint8Array(bytes) }).ref;
    expect(from(version)).toEqual({ id: version, mark: `inst01:${version}` });
    expect(from(`inst01-${version}`)).toEqual({ id: `inst01-${version}` });
    expect(mariadb().killByHand(target, from(version))).toContain('performance_schema.processlist');
    expect(mariadb().killByHand(target, from(`inst01-${version}`))).toContain(`kill user 'inst01-${version}'`);
  });
});

describe('what the server says', () => {
  test.each([
    ['refused', [1045, 1698, 4151, 3118]],
    ['forbidden', [1044, 1142, 1820, 1862, 1203, 1226]],
    [undefined, [1130, 1040, 1049, 1053, 1129, 1158, 45_012]],
  ] as const)('%s is the verdict only for its own numbers', (verdict, numbers) => {
    for (const number of numbers) expect(verdictOf(answered(number))).toBe(verdict);
  });

  test('no answer of the server is no verdict, and leaves open what was done', () => {
    const lost = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', errno: -104 });
    expect(verdictOf(lost)).toBeUndefined();
    expect(nothingDone(lost)).toBe(false);
    expect(connectionFailure(lost, { host: 'db', port: 3306 })).toMatchObject({ code: 'UNAVAILABLE' });
    for (const cut of [1053, 1317, 1927, 1969]) expect(nothingDone(answered(cut))).toBe(false);
  });

  test('of an error only its number travels', () => {
    for (const number of [1044, 1045, 1049, 1130, 1290, 1396, 1959, 4151, 45_012]) {
      const text = inspect(connectionFailure(answered(number), { host: 'db', port: 3306 }), {
        depth: 9,
        showHidden: true,
      });
      expect(text).not.toContain('canary-in-sql');
      expect(text).not.toContain('identified');
    }
  });
});
