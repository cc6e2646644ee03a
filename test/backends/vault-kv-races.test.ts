import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Backend, BackendCall, Place } from '../../backends/backend.ts';
import { versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { needs } from '../support/needs.ts';
import { type OpenBaoServer, startOpenBaoServer } from '../support/openbao-server.ts';
import { holdingProxy, type HoldingProxy } from './holding-proxy.ts';
import { backendWith, placeAt, rawVault, type RawVault } from './vault-kv-subject.ts';

const isThere = needs('openbao');
let server: OpenBaoServer;
let root: RawVault;
beforeAll(async () => {
  if (!isThere) return;
  server = await startOpenBaoServer();
  root = rawVault(server.url, server.rootToken);
});
afterAll(async () => {
  if (isThere) await server.stop();
});

const call = (overrides: Partial<BackendCall> = {}): BackendCall => ({
  signal: new AbortController().signal,
  deadline: Date.now() + 60_000,
  now: () => Date.now(),
  ...overrides,
});

describe('a promote to vault that is overtaken between its look and its write', () => {
  let place: Place;
  let backend: Backend;
  let slow: Backend;
  let proxy: HoldingProxy;
  beforeEach(async () => {
    place = placeAt(`ai/prod/${randomBytes(6).toString('hex')}`);
    proxy = await holdingProxy(server.url, place.path);
    backend = backendWith(server.url, server.rootToken);
    slow = backendWith(proxy.url, server.rootToken);
  });
  afterEach(async () => {
    await proxy.close();
  });

  async function staged() {
    const material = new SecretMaterial({ api_key: `canary-race-${randomBytes(8).toString('hex')}` }, 'api_key');
    const version = versionIdFrom(randomBytes(64));
    await backend.stage(place, { version, ref: { id: 'key-1' }, material }, call());
    return version;
  }

  it('by a newer epoch ends in CONFLICT and changes nothing', async () => {
    const [first, second, third] = [await staged(), await staged(), await staged()];
    await backend.promote(place, { version: first, epoch: 1, expected: undefined }, call());
    const late = slow.promote(place, { version: second, epoch: 2, expected: first }, call());
    const outcome = expect(late).rejects.toMatchObject({ code: 'CONFLICT' });
    await proxy.held;
    await backend.promote(place, { version: third, epoch: 3, expected: first }, call());
    proxy.release();
    await outcome;
    expect((await backend.describe(place, call())).main).toEqual({ kind: 'ours', version: third, epoch: 3 });
  });

  it('by a roll-back to the version it started from ends in CONFLICT: the mark looks the same, the epoch does not', async () => {
    const [first, second] = [await staged(), await staged()];
    await backend.promote(place, { version: first, epoch: 1, expected: undefined }, call());
    const late = slow.promote(place, { version: second, epoch: 2, expected: first }, call());
    const outcome = expect(late).rejects.toMatchObject({ code: 'CONFLICT' });
    await proxy.held;
    await backend.promote(place, { version: second, epoch: 2, expected: first }, call());
    await backend.promote(place, { version: first, epoch: 3, expected: second }, call());
    proxy.release();
    await outcome;
    expect((await backend.describe(place, call())).main).toEqual({ kind: 'ours', version: first, epoch: 3 });
  });

  it('by a hand that changes another field is written anew with that field', async () => {
    const [first, second] = [await staged(), await staged()];
    await backend.promote(place, { version: first, epoch: 1, expected: undefined }, call());
    const late = slow.promote(place, { version: second, epoch: 2, expected: first }, call());
    await proxy.held;
    await root.request('PATCH', `secret/data/${place.path}`, { data: { REGION: 'eu-west-1' } });
    proxy.release();
    await late;
    const { body } = await root.request('GET', `secret/data/${place.path}`);
    expect(body.data.data).toMatchObject({ REGION: 'eu-west-1', keybaton_version: second, keybaton_epoch: '2' });
  });

  it('by a hand that pastes a value ends in CONFLICT and keeps that value', async () => {
    const [first, second] = [await staged(), await staged()];
    await backend.promote(place, { version: first, epoch: 1, expected: undefined }, call());
    const late = slow.promote(place, { version: second, epoch: 2, expected: first }, call());
    const outcome = expect(late).rejects.toMatchObject({ code: 'CONFLICT' });
    await proxy.held;
    await root.request('PATCH', `secret/data/${place.path}`, { data: { api_key: 'pasted-by-hand' } });
    proxy.release();
    await outcome;
    const { body } = await root.request('GET', `secret/data/${place.path}`);
    expect(body.data.data.api_key).toBe('pasted-by-hand');
  });

  it('by a network that goes down with its answer is AMBIGUOUS, and the retry finds it done', async () => {
    const version = await staged();
    const promotion = { version, epoch: 1, expected: undefined };
    const outcome = expect(slow.promote(place, promotion, call())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
    await proxy.held;
    proxy.cut();
    proxy.release();
    await outcome;
    const written = async () => (await root.request('GET', `secret/metadata/${place.path}`)).body.data.current_version;
    expect(await written()).toBe(1);
    await backend.promote(place, promotion, call());
    expect(await written()).toBe(1);
  });

  it('by its caller, who has gone, is AMBIGUOUS and never "did not happen"', async () => {
    const version = await staged();
    const caller = new AbortController();
    const late = slow.promote(place, { version, epoch: 1, expected: undefined }, call({ signal: caller.signal }));
    const outcome = expect(late).rejects.toMatchObject({ code: 'AMBIGUOUS' });
    await proxy.held;
    caller.abort();
    await outcome;
  });
});
