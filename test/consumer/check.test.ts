import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkWiring } from '../../consumer/check.ts';
import { possessionProof } from '../../consumer/proof.ts';
import { mounted } from '../../consumer/sources/mounted.ts';
import { runCli } from '../../control/cli/main.ts';
import type { CliPorts } from '../../control/cli/environment.ts';
import { freePort } from '../../scripts/servers/free-port.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { base, credential, until } from '../control/http-api/world.ts';
import { openHarness } from './harness.ts';
import type { Harness } from './harness.ts';
import { swapIn } from './stores.ts';

let h: Harness;
beforeEach(async () => {
  h = await openHarness();
});
afterEach(() => h.close());

type Given = Readonly<{ token?: string; url?: string; endpoint?: CliPorts['checks']['endpoint'] }>;

/** The command as it is typed, in this process. */
async function check(line: readonly string[] = [], { token, url = h.world.url(), endpoint }: Given = {}) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const [out, errors] = [stdout.setEncoding('utf8').toArray(), stderr.setEncoding('utf8').toArray()];
  const { ports, tokens } = h.world;
  const checks = { ...ports.checks, ...(endpoint === undefined ? {} : { endpoint }) };
  // What this command needs of them; the others would fail if it asked.
  const open = { ...ports, checks, tokens, close: async () => undefined } as unknown as CliPorts;
  const exit = await runCli(['consumer', 'check', credential, 'web', '--json', ...line], {
    openPorts: async () => open,
    openIncidentPorts: () => Promise.reject(new Error('not asked')),
    processes: { worker: async () => 0, api: async () => 0, up: async () => 0 },
    wiring: ({ mounted: path, field, ...ask }) =>
      checkWiring({ ...ask, source: path === undefined ? undefined : mounted({ path }), proofValue: field }),
    variable: (name) => (token === undefined ? undefined : { KEYBATON_TOKEN: token, KEYBATON_URL: url }[name]),
    stdin: Readable.from([]),
    stdout,
    stderr,
    user: 'ada',
    signal: new AbortController().signal,
  });
  stdout.end();
  stderr.end();
  const text = (await out).join('');
  const seen = text === '' ? { findings: [], holds: [] } : JSON.parse(text);
  const verdicts = seen.findings.map(({ subject, verdict }: Record<string, string>) => `${subject}: ${verdict}`);
  return { exit, seen, verdicts, errors: (await errors).join(''), text };
}
const events = async () => (await h.world.ledger.history({ credential, limit: 1_000 })).length;

/** An application at work, that has proved. */
async function atWork() {
  const connection = h.start();
  await connection.use(h.work);
  await until('it is proved', h.proved);
  return connection;
}

describe('from where the consumer runs', () => {
  test('all is well once it reads, its proof holds, and its instance has proved', async () => {
    const { version, epoch, value } = await h.rotate();
    await atWork();
    const { exit, seen, verdicts, text } = await check([], { token: h.token });
    expect(verdicts).toEqual(['api: ok', 'token: ok', 'read: ok', 'version: ok', 'proof: ok', 'instances: ok']);
    expect(seen).toMatchObject({ from: 'the consumer', epoch, holds: [{ version, epoch }] });
    expect(exit).toBe(0);
    expect(text).not.toContain(value);
    expect(text).not.toContain(h.token);
  });

  test('it counts for no rotation: no evidence, no instance, no event, and its proof is none for any instance', async () => {
    await h.rotate();
    const before = { events: await events(), missing: await h.missing() };
    let sent = '';
    await checkWiring({
      ...{ url: h.world.url(), token: h.token, credential, consumer: 'web' },
      fetch: async (input, init) => {
        if (typeof init?.body === 'string' && init.body.includes('proof')) sent = init.body;
        return fetch(input, init);
      },
    });
    expect({ events: await events(), missing: await h.missing() }).toEqual(before);
    expect((await h.world.ledger.evidence(credential)).instances).toEqual([]);
    const { version, proof } = JSON.parse(sent);
    const register = (instance: string) =>
      h.world.ask('PUT', `${base}/instances/${instance}`, { token: h.token, body: { boot: 'b', lease: 60_000 } });
    const replay = (instance: string, epoch: number) =>
      h.world.ask('POST', `${base}/proofs`, { token: h.token, body: { version, proof, boot: 'b', instance, epoch } });
    expect((await register('!check')).status).toBe(400);
    expect((await replay('!check', 1)).status).toBe(400);
    expect((await register('web-0')).status).toBe(200);
    expect((await replay('web-0', 1)).status).toBe(422);
    expect((await replay('web-0', Number.MAX_SAFE_INTEGER)).status).toBe(409);
    expect(h.world.wakes).toEqual([]);
  });

  test('a mounted copy that lags behind, and one of several fields that nobody named, are said', async () => {
    const first = await h.rotate();
    const folder = temporaryFolder('check');
    const marks = { keybaton_version: first.version, keybaton_epoch: String(first.epoch) };
    swapIn(folder.path, { api_key: first.value, username: 'someone', ...marks });
    const mount = ['--mounted', folder.path];
    expect((await check(mount, { token: h.token })).verdicts).toContain('proof: failure');
    const named = await check([...mount, '--field', 'api_key'], { token: h.token });
    expect(named.verdicts).toEqual(expect.arrayContaining(['read: ok', 'version: ok', 'proof: ok']));
    expect((await check([...mount, '--field', 'username'], { token: h.token })).verdicts).toContain('proof: failure');
    await h.rotate();
    const late = await check([...mount, '--field', 'api_key'], { token: h.token });
    expect(late.verdicts).toEqual(expect.arrayContaining(['version: failure', 'proof: ok']));
    expect(late.exit).toBe(8);
    folder.remove();
  });

  test('nobody registered, a wrong token, one of another consumer, and nobody who answers are each said with a way out', async () => {
    await h.rotate();
    const alone = await check([], { token: h.token });
    expect([alone.verdicts.at(-1), alone.exit]).toEqual(['instances: failure', 8]);
    const wrong = await check([], { token: `kbc_${'x'.repeat(43)}` });
    expect([wrong.verdicts, wrong.exit]).toEqual([['token: failure'], 8]);
    expect(wrong.seen.findings[0].remedy).toContain(`keybaton token make ${credential} web`);
    await h.world.apply(['web', 'batch']);
    const other = await check([], { token: await h.world.token('batch') });
    expect(other.verdicts).toEqual(['api: ok', 'token: failure']);
    const away = await check([], { token: h.token, url: `http://127.0.0.1:${String(await freePort())}` });
    expect([away.verdicts, away.exit]).toEqual([['api: cannot tell'], 10]);
  });

  test('where nothing was promoted that is said, and is no failure', async () => {
    const { verdicts, exit } = await check([], { token: h.token });
    expect([verdicts, exit]).toEqual([['api: ok', 'token: ok', 'version: warning'], 0]);
  });

  test('a proof for the real epoch is none here: what counts is never sent to be judged', async () => {
    const { version, value, epoch } = await h.rotate();
    const proof = possessionProof(value, { credential, version, epoch, consumer: 'web', instance: 'web-0' });
    const asked = { token: h.token, body: { version, proof } };
    expect((await h.world.ask('POST', `${base}/check`, asked)).json).toMatchObject({ proof: false });
    const unknown = { token: h.token, body: { version: `kb${'0'.repeat(30)}`, proof } };
    expect((await h.world.ask('POST', `${base}/check`, unknown)).json).toMatchObject({ proof: false });
  });
});

describe('from what keybaton knows', () => {
  test('all is well once an instance has proved, and nothing is written', async () => {
    const { version, epoch } = await h.rotate();
    await atWork();
    const before = await events();
    const { seen, verdicts, exit } = await check();
    expect(verdicts).toEqual(['inventory: ok', 'token: ok', 'version: ok', 'instance: ok']);
    expect(seen).toMatchObject({ from: 'keybaton', holds: [{ instance: 'web-0', version, epoch }] });
    expect([exit, await events()]).toEqual([0, before]);
  });

  test('an instance that has not proved is a warning while there is time, and nobody registered a failure', async () => {
    await h.rotate();
    const nobody = await check();
    expect([nobody.verdicts.at(-1), nobody.exit]).toEqual(['instance: failure', 8]);
    const connection = h.start();
    await connection.secret();
    const waiting = await check();
    expect([waiting.verdicts.at(-1), waiting.exit]).toEqual(['instance: warning', 0]);
    expect(waiting.seen.findings.at(-1).remedy).toContain('first successful use');
  });

  test('a consumer that the inventory does not name is NOT_FOUND, and says which there are', async () => {
    await h.world.apply(['batch']);
    const { exit, errors } = await check();
    expect(exit).toBe(4);
    expect(errors).toContain('batch');
  });

  test('the endpoint is asked where it is demanded, and what it says is shown', async () => {
    const { version, epoch } = await h.rotate();
    const { entries } = await h.world.ledger.inventory();
    const [entry] = entries;
    if (entry === undefined || 'none' in entry.consumers) throw new Error('no entry');
    const consumers = entry.consumers.map((one) => ({ ...one, demand: 'endpoint-reported' as const, probe: 'web' }));
    await h.world.ledger.applyInventory({
      ...{ teams: ['ml'], entries: [{ ...entry, consumers }], targets: {}, actor: 'os:test' },
    });
    const answering = await check([], { endpoint: async () => [{ instance: 'web-7', version, epoch }] });
    expect(answering.verdicts).toContain('endpoint: ok');
    expect(answering.seen.holds).toEqual([{ instance: 'web-7', version, epoch }]);
    expect((await check()).verdicts).toContain('endpoint: cannot tell');
    expect((await h.world.ledger.evidence(credential)).evidence).toEqual([]);
  });
});
