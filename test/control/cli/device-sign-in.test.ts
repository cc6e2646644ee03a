import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openAccessFile } from '../../../control/access/access-reader.ts';
import { signInWithIssuers } from '../../../control/access/sign-in-routes.ts';
import { KeybatonError } from '../../../domain/errors.ts';
import { startDeviceProvider, userCode } from '../../fakes/identity-provider/device-flow.ts';
import type { DeviceProvider } from '../../fakes/identity-provider/device-flow.ts';
import { openAccessWorld } from '../access/access-world.ts';
import type { AccessWorld } from '../access/access-world.ts';
import type { Ran } from '../bench.ts';
import { openPeopleWorld } from '../http-api/people-world.ts';
import type { PeopleWorld } from '../http-api/people-world.ts';

let provider: DeviceProvider;
let access: AccessWorld;
let world: PeopleWorld;

const yamlOf = (issuer: string, more = ''): string => `
url: https://keybaton.example
issuers:
  company: { issuer: ${issuer}, clientId: keybaton, clientSecret: env:SECRET }
  device: { issuer: ${issuer}, clientId: keybaton-cli }
${more}
grants:
  - { group: sre, issuer: device, role: oncall }
`;

beforeEach(async () => {
  provider = await startDeviceProvider();
  access = await openAccessWorld(yamlOf(provider.issuer));
  const file = await openAccessFile(access.path, () => undefined);
  if (file === undefined) throw new Error('there is no access file');
  const { people, signed } = access;
  const secret = () => Promise.reject(new KeybatonError('UNAVAILABLE', 'no client secret here'));
  world = await openPeopleWorld(
    { people },
    { signIn: (app) => signInWithIssuers(app, { file, people, signed, secret, now: () => Date.now() }) },
  );
});
afterEach(async () => {
  await world.close();
  await access.close();
  await provider.stop();
});

const ann = { sub: 'sub-ann', email: 'ann@example.com', groups: ['sre'] };
const variables = (): Record<string, string> => ({ XDG_CONFIG_HOME: join(world.folder, 'config') });
const sessionsFile = (): string => join(world.folder, 'config', 'keybaton', 'sessions.json');
const login = (line: readonly string[], more: { signal?: AbortSignal; stdin?: string } = {}): Promise<Ran> =>
  world.run(['login', world.url(), ...line], { variables: variables(), ...more });

/** Somebody sits there. */
const keyboard = (): Readable & { isTTY: true } => Object.assign(Readable.from([]), { isTTY: true as const });

describe('login by device', () => {
  test('shows address and code, waits until the person has confirmed, and keeps a token of the API', async () => {
    const running = world.run(['login', world.url()], { variables: variables(), keyboard: keyboard() });
    await vi.waitUntil(() => provider.asked.filter(({ path }) => path === '/token').length > 1, { timeout: 10_000 });
    provider.agreed = ann;
    const { exit, stdout, stderr } = await running;
    expect([exit, stdout]).toEqual([0, expect.stringContaining('as oidc:device:ann@example.com')]);
    expect([stderr.includes(`${provider.issuer}/confirm`), stderr.includes(userCode)]).toEqual([true, true]);
    expect(provider.asked[0]).toMatchObject({ path: '/device', clientId: 'keybaton-cli' });

    expect((await stat(sessionsFile())).mode & 0o777).toBe(0o600);
    const kept = JSON.parse(await readFile(sessionsFile(), 'utf8')) as {
      profiles: { default: { url: string; token: string } };
    };
    const { url, token } = kept.profiles.default;
    expect(url).toBe(world.url());
    // What is kept is keybaton's own: neither token of the issuer, and none is shown.
    expect(await access.bearer(token)).toMatchObject({ person: `${provider.issuer} sub-ann` });
    expect([stdout + stderr, JSON.stringify(kept)].map((text) => text.includes('canary-of-the-access'))).toEqual([
      false,
      false,
    ]);
    expect((stdout + stderr).includes(token)).toBe(false);
    const who = await world.run(['whoami'], { variables: { ...variables(), KEYBATON_URL: world.url() } });
    expect([who.exit, who.stdout]).toEqual([0, expect.stringContaining('oncall')]);
  });

  test('shows them with --json too, beside one document', async () => {
    provider.agreed = ann;
    const { exit, stdout, stderr } = await login(['--issuer', 'device', '--json']);
    expect([exit, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ actor: 'oidc:device:ann@example.com' })]);
    expect(stderr).toContain(userCode);
  });

  test('is over at once at Ctrl-C, and nothing is kept', async () => {
    const stop = new AbortController();
    const running = login(['--issuer', 'device'], { signal: stop.signal });
    await vi.waitUntil(() => provider.asked.some(({ path }) => path === '/token'), { timeout: 10_000 });
    stop.abort();
    expect(await running).toMatchObject({ exit: 130, stdout: '' });
    await expect(stat(sessionsFile())).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('by somebody without a grant is refused, and nothing is kept', async () => {
    provider.agreed = { ...ann, groups: ['chess'] };
    const { exit, stderr } = await login(['--issuer', 'device']);
    expect([exit, stderr]).toEqual([3, expect.stringContaining('no grant')]);
    await expect(stat(sessionsFile())).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test.each([
    ['access_denied', 'refused in the browser'],
    ['expired_token', 'in time'],
  ])('ends with what became of it: %s', async (refused, told) => {
    provider.refused = refused;
    expect(await login(['--issuer', 'device'])).toMatchObject({ exit: 3, stderr: expect.stringContaining(told) });
  });

  test('ends when the code has expired, though the issuer goes on waiting', async () => {
    provider.lifetime = 0.2;
    expect(await login(['--issuer', 'device'])).toMatchObject({ exit: 3, stderr: expect.stringContaining('in time') });
  });

  test('never asks for the client whose secret the API keeps, nor for an issuer that is not there', async () => {
    expect(await login(['--issuer', 'company'])).toMatchObject({ exit: 7, stderr: expect.stringContaining('--token') });
    expect(await login(['--issuer', 'other'])).toMatchObject({ exit: 4, stderr: expect.stringContaining('device') });
    expect(provider.asked).toEqual([]);
  });

  test('asks which, where there are several', async () => {
    await access.rewrite(yamlOf(provider.issuer, `  second: { issuer: ${provider.issuer}, clientId: other-cli }`));
    await vi.waitUntil(async () => (await world.ask('GET', '/v1/sign-in')).text.includes('second'), {
      timeout: 10_000,
    });
    const { exit, stderr } = await world.run(['login', world.url()], {
      variables: variables(),
      keyboard: keyboard(),
    });
    expect([exit, stderr]).toEqual([2, expect.stringContaining('--issuer: device, second')]);
  });

  test('is not begun with --token, nor where a token comes by standard input', async () => {
    const token = await access.token('ci', []);
    expect((await login(['--token'], { stdin: token })).stdout).toContain('as token:ci');
    expect((await login([], { stdin: `${token}\n` })).stdout).toContain('as token:ci');
    expect(await login(['--token', '--issuer', 'device'])).toMatchObject({ exit: 2 });
    expect(provider.asked).toEqual([]);
  });
});
