import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { signInByDevice } from '../../outbound/open-id.ts';
import { openBrowser } from '../fakes/identity-provider/start.ts';
import { openSignInWorld } from '../control/access/sign-in-world.ts';
import type { SignInWorld } from '../control/access/sign-in-world.ts';
import { openPeopleWorld } from '../control/http-api/people-world.ts';
import type { PeopleWorld } from '../control/http-api/people-world.ts';

let world: SignInWorld;
let api: PeopleWorld;
let url: string;
let config: string;

beforeAll(async () => {
  world = await openSignInWorld();
  ({ url } = world);
  api = await openPeopleWorld({ people: world.guard }, { signIn: world.signIn });
  config = await mkdtemp(join(tmpdir(), 'keybaton-config-'));
});
afterAll(async () => {
  await api.close();
  await world.close();
  await rm(config, { recursive: true });
});

/** Somebody types the code in a browser of theirs, and agrees. */
async function confirm(address: string, code: string): Promise<void> {
  const browser = openBrowser('sub-ann');
  const form = (text: string): Record<string, string> =>
    Object.fromEntries(
      [...text.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
    );
  const typed = await browser.go(address);
  const asked = await browser.go(`${world.provider.issuer}/device`, { form: { ...form(typed.text), user_code: code } });
  await browser.go(`${world.provider.issuer}/device`, {
    form: { ...form(asked.text), user_code: code, confirm: 'yes' },
  });
}

/** The command as a process of its own. */
function keybaton(line: readonly string[]) {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../bin/keybaton.js'), ...line], {
    env: { PATH: process.env['PATH'], XDG_CONFIG_HOME: config },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
  return { child, said, ended: once(child, 'close') };
}

const waits = (said: { readonly stderr: string }): Promise<unknown> =>
  vi.waitUntil(() => said.stderr.includes('waiting'), { timeout: 30_000 });

// The provider lets nobody ask more often than every five seconds: so it stands here.
describe('signing in through a real identity provider', () => {
  test('at a command line: a code typed in any browser, and the id token of it is a session', async () => {
    const offered = (await (await fetch(`${url}/v1/sign-in`)).json()) as {
      issuers: { name: string; public: boolean }[];
    };
    expect(offered.issuers.map((one) => [one.name, one.public])).toEqual([
      ['company', false],
      ['device', true],
    ]);
    const device = await signInByDevice({
      issuer: world.provider.issuer,
      clientId: 'keybaton-cli',
      clientSecret: undefined,
      scopes: ['openid', 'email', 'groups'],
    });
    const waiting = device.wait(AbortSignal.timeout(30_000));
    await confirm(device.address, device.code);
    const idToken = await waiting;
    const send = (body: object) =>
      fetch(`${url}/v1/sign-in`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const session = (await (await send({ issuer: 'device', idToken })).json()) as { token: string };
    expect(await world.bearer(session.token)).toMatchObject({ person: `${world.provider.issuer} sub-ann` });
    // Made for the command line's client: no proof of anything to another.
    expect((await send({ issuer: 'company', idToken })).status).toBe(403);
    expect((await send({ issuer: 'device', idToken: `${idToken.slice(0, -4)}AAAA` })).status).toBe(403);
  });

  test('by keybaton login: what it shows is confirmed, and the commands after it go there as that person', async () => {
    const { child, said, ended } = keybaton(['login', api.url(), '--issuer', 'device', '--profile', 'prod']);
    try {
      await waits(said);
      const [address = '', code = ''] = ['browser', 'there'].map(
        (after) => new RegExp(`${after}: +(\\S+)`).exec(said.stderr)?.[1],
      );
      await confirm(address, code);
      await ended;
    } finally {
      child.kill('SIGKILL');
    }
    expect([child.exitCode, said.stdout]).toEqual([0, expect.stringContaining('as oidc:device:ann@example.com')]);
    const file = join(config, 'keybaton', 'sessions.json');
    const { profiles } = JSON.parse(await readFile(file, 'utf8')) as { profiles: { prod: { token: string } } };
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await world.bearer(profiles.prod.token)).toMatchObject({ person: `${world.provider.issuer} sub-ann` });
    const who = await api.run(['whoami'], { variables: { XDG_CONFIG_HOME: config, KEYBATON_PROFILE: 'prod' } });
    expect(who.stdout).toContain('oncall');
    const out = await api.run(['logout', '--profile', 'prod'], { variables: { XDG_CONFIG_HOME: config } });
    expect([out.exit, out.stdout]).toEqual([0, 'prod is forgotten\n']);
    await expect(world.bearer(profiles.prod.token)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  });

  test('Ctrl-C ends the waiting, with the exit code of the shell and nothing kept', async () => {
    const { child, said, ended } = keybaton(['login', api.url(), '--issuer', 'device', '--profile', 'left']);
    try {
      await waits(said);
      child.kill('SIGINT');
      await ended;
    } finally {
      child.kill('SIGKILL');
    }
    expect([child.exitCode, said.stdout]).toEqual([130, '']);
    const who = await api.run(['whoami'], { variables: { XDG_CONFIG_HOME: config, KEYBATON_PROFILE: 'left' } });
    expect(who.exit).toBe(2);
  });
});
