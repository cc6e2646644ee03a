import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { providerSuite } from '../../conformance/index.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import { SecretMaterial as Material } from '../../domain/secret-material.ts';
import { mlflow, mlflowSettings, type MlflowSettings } from '../../providers/mlflow.ts';
import type { Target } from '../../providers/provider.ts';
import { freePort } from '../../scripts/servers/free-port.ts';
import { startHoldingProxy, type HoldingProxy } from '../../scripts/servers/holding-proxy.ts';
import { missingMlflow, startMlflowServer, type MlflowServer } from '../../scripts/servers/mlflow-server.ts';
import { callNow, freshVersion, silentServer } from '../providers/provider-target.ts';

const missing = missingMlflow();
let server: MlflowServer;
let proxy: HoldingProxy;
let silence: Awaited<ReturnType<typeof silentServer>>;
let nobody: number;
beforeEach(({ skip }) => {
  if (missing !== undefined) skip(missing);
});
beforeAll(async () => {
  if (missing !== undefined) return;
  [server, silence, nobody] = await Promise.all([startMlflowServer(), silentServer(), freePort()]);
  proxy = await startHoldingProxy(Number(new URL(server.url).port));
}, 180_000);
afterAll(async () => {
  await Promise.all([proxy?.close(), silence?.stop(), server?.stop()]);
});

const provider = mlflow();
const credential = parseCredentialId('mlflow/test/bot');
const at = (baseUrl: string, one: Target<MlflowSettings>) => ({ ...one, settings: { ...one.settings, baseUrl } });

/** Each with an installation of its own, so that a list shows only its own keys as ours. */
function target(settings: Partial<MlflowSettings> = {}): Target<MlflowSettings> {
  return {
    name: 'mlflow-under-test',
    environment: 'test',
    installation: `i${randomBytes(4).toString('hex')}`,
    settings: mlflowSettings.parse({ baseUrl: server.url, ...settings }),
    admin: async () => new Material({ ...server.admin }, 'password'),
  };
}
async function make(one: Target<MlflowSettings>, version = freshVersion()) {
  const { place } = await provider.preflight(one, { credential, version, keep: [], free: [] }, callNow());
  return provider.issue(one, { credential, version, place }, callNow());
}
const ours = async (one: Target<MlflowSettings>) =>
  (await provider.list(one, callNow())).filter(({ tag }) => tag?.installation === one.installation);
async function ask(material: SecretMaterial, path: string): Promise<number> {
  const { username, password } = material.reveal();
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  return (await fetch(`${server.url}/api/2.0/mlflow/${path}`, { headers: { authorization } })).status;
}
/** The next request that matches takes effect, and nobody hears of it. */
function loseAnswer(sent: RegExp): void {
  void proxy.hold({ sent, holds: 'answer' }).applied.then(() => proxy.drop());
}
const viaProxy = (one: Target<MlflowSettings>) => at(`http://127.0.0.1:${proxy.port}`, one);

describe('provider contract: mlflow', () => {
  const empty = 'a server that is not empty: its admin is a user, and is listed';
  const suite = providerSuite<MlflowSettings>({
    create: mlflow,
    settings: mlflowSettings.parse({ baseUrl: 'http://127.0.0.1' }),
    target: () => target({ experiments: { '0': 'READ' } }),
    unreachable: (one) => at(`http://127.0.0.1:${nobody}`, one),
    silent: (one) => at(silence.url, one),
    skips: [
      {
        reason: empty,
        tests: ['nothing is issued after the deadline', 'nothing is issued by a call that was given up'],
      },
    ],
  });
  for (const one of suite)
    test(one.name, { timeout: 60_000 }, ({ skip }) => (one.skipped === undefined ? one.run() : skip(one.skipped)));
});

describe('a user of mlflow', { timeout: 60_000 }, () => {
  test('may read the experiment that its target names, and no other', async () => {
    const { material } = await make(target({ experiments: { '0': 'READ' } }));
    const { material: without } = await make(target());
    expect(await ask(material, 'experiments/get?experiment_id=0')).toBe(200);
    expect(await ask(without, 'experiments/get?experiment_id=0')).toBe(403);
    expect(await provider.verify(target(), without, callNow())).toBe('accepted');
  });

  test('whose create lost its answer is found by its name, and the retry leaves one', async () => {
    const one = viaProxy(target());
    const version = freshVersion();
    loseAnswer(/users\/create/);
    await expect(make(one, version)).rejects.toMatchObject({ code: 'AMBIGUOUS' });
    expect((await ours(one)).map(({ tag }) => tag?.version)).toEqual([version]);
    const { ref } = await make(one, version);
    expect(await ours(one)).toHaveLength(1);
    await provider.revoke(one, ref, callNow());
    expect(await ours(one)).toEqual([]);
  });

  test('whose delete lost its answer is gone already when it is asked again, and by hand too', async () => {
    const one = viaProxy(target());
    const { ref, material } = await make(one);
    loseAnswer(/users\/delete/);
    await expect(provider.revoke(one, ref, callNow())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
    await provider.revoke(one, ref, callNow());
    expect(await provider.verify(one, material, callNow())).toBe('refused');
    expect(await ask(material, 'experiments/get?experiment_id=0')).toBe(401);
  });

  test('is left alone by another installation, and none is made by a login that is no admin', async () => {
    const one = target();
    const { ref, material } = await make(one);
    await expect(provider.revoke({ ...one, installation: 'other0' }, ref, callNow())).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    const weak = { ...one, admin: async () => material };
    await expect(make(weak)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    expect(await provider.verify(one, material, callNow())).toBe('accepted');
  });

  test('that two create at once: nothing of the answer with SQL and hash is in any error, and one lives', async () => {
    const one = target();
    const version = freshVersion();
    const request = { credential, version, place: 'users' };
    const both = await Promise.allSettled([1, 2].map(() => provider.issue(one, request, callNow())));
    const told = both.map((end) => (end.status === 'rejected' ? inspect(end.reason, { depth: 9 }) : '')).join();
    for (const theirs of [/INSERT/, /scrypt/, /parameters/, /IntegrityError/]) expect(told).not.toMatch(theirs);
    expect(await ours(one)).toHaveLength(1);
  });
});
