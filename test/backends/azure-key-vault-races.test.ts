import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Backend, BackendCall, Place } from '../../backends/backend.ts';
import { shown } from '../../conformance/backend/bench.ts';
import { type VersionId, versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { eventually } from '../fakes/poll.ts';
import { startFake } from '../fakes/start.ts';
import {
  type Application,
  authorityFile,
  backendWith,
  documentedApplication,
  type KeyVaultFake,
  nameOf,
  placeAt,
  secretsOf,
} from './azure-key-vault-subject.ts';

let fake: KeyVaultFake;
let admin: Application;
let backend: Backend;
const authority = authorityFile();
beforeAll(async () => {
  fake = await startFake('azure-key-vault');
  admin = await documentedApplication(fake);
  backend = backendWith(fake.url, fake.url, authority.path, admin);
});
afterAll(async () => {
  await fake.stop();
  authority.remove();
});

const call = (overrides: Partial<BackendCall> = {}): BackendCall => ({
  signal: new AbortController().signal,
  deadline: Date.now() + 60_000,
  now: () => Date.now(),
  ...overrides,
});

function make() {
  const value = `canary-azure-${randomBytes(8).toString('hex')}`;
  const material = new SecretMaterial({ api_key: value }, 'api_key');
  return { version: versionIdFrom(randomBytes(64)), value, ref: { id: 'key-1' }, material };
}

describe('azure-key-vault', () => {
  let place: Place;
  beforeEach(async () => {
    place = placeAt(`ai/prod/${randomBytes(6).toString('hex')}`);
    // Short seconds; a test that is about the long ones sets them back.
    await fake.settings({ secondLasts: 5 });
  });
  afterEach(() => fake.reset());

  const versionsOfMain = async () =>
    (await secretsOf(fake)).find(({ name }) => name === nameOf(place.path))?.versions ?? [];
  const current = async () => JSON.parse((await versionsOfMain()).at(-1)?.value ?? '{}');
  const byHand = (body: object) => fake.control('POST', '/by-hand', { name: nameOf(place.path), ...body });
  const setsSince = async (before: number) =>
    (await fake.activity()).requests.slice(before).filter(({ operation }) => operation === 'set').length;
  const sent = async () => (await fake.activity()).requests.length;

  async function staged() {
    const made = make();
    await backend.stage(place, made, call());
    return made;
  }
  async function promoted(epoch: number, expected?: VersionId) {
    const made = await staged();
    await backend.promote(place, { version: made.version, epoch, expected }, call());
    return made;
  }
  /** Starts a promotion and stops it between its look and its write. */
  async function heldBeforeWriting(version: VersionId, epoch: number, expected: VersionId | undefined) {
    await fake.faults({ delay: { set: 60_000 } });
    const outcome = backend.promote(place, { version, epoch, expected }, call()).then(
      () => 'promoted',
      (thrown: { code: string }) => thrown.code,
    );
    await eventually(
      () => fake.activity(),
      ({ inProgress }) => inProgress['set'] === 1,
    );
    return { outcome, goOn: () => fake.faults({ delay: {} }) };
  }

  it('of two promotions under one epoch within one of its seconds the first stays, and consumers read it', async () => {
    const first = await promoted(1);
    const rivals = [await staged(), await staged()] as const;
    await fake.settings({ secondLasts: 1_000 });
    const outcomes = await Promise.allSettled(
      rivals.map(({ version }) => backend.promote(place, { version, epoch: 2, expected: first.version }, call())),
    );
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const winner = rivals[outcomes.findIndex(({ status }) => status === 'fulfilled')];
    expect((await current()).keybaton_version).toBe(winner?.version);
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'CONFLICT' } });
  });

  it('two stages of one version within one of its seconds leave one value', async () => {
    const made = make();
    const other = { ...make(), version: made.version };
    await fake.settings({ secondLasts: 1_000 });
    const outcomes = await Promise.allSettled([made, other].map((one) => backend.stage(place, one, call())));
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const kept = outcomes[0]?.status === 'fulfilled' ? made : other;
    expect((await backend.read(place, made.version, call())).material.revealValue()).toBe(kept.value);
  });

  it("a person's change of another field between look and write is carried over", async () => {
    const first = await promoted(1);
    const second = await staged();
    const { outcome, goOn } = await heldBeforeWriting(second.version, 2, first.version);
    await byHand({ fields: { REGION: 'eu-west-1' } });
    await goOn();
    expect(await outcome).toBe('promoted');
    expect(await current()).toMatchObject({ REGION: 'eu-west-1', keybaton_version: second.version });
  });

  it('a value pasted between look and write is put back, and the promotion is CONFLICT', async () => {
    const first = await promoted(1);
    const second = await staged();
    const { outcome, goOn } = await heldBeforeWriting(second.version, 2, first.version);
    await byHand({ fields: { api_key: 'pasted-by-hand' } });
    await goOn();
    expect(await outcome).toBe('CONFLICT');
    expect(await current()).toMatchObject({ api_key: 'pasted-by-hand' });
  });

  it('a zombie that writes a lower epoch over a higher one puts it back and is CONFLICT', async () => {
    const first = await promoted(1);
    const [second, third] = [await staged(), await staged()];
    const { outcome, goOn } = await heldBeforeWriting(second.version, 2, first.version);
    // Whoever promotes meanwhile writes what keybaton would, on another way in.
    const text = JSON.stringify({ api_key: third.value, keybaton_version: third.version, keybaton_epoch: '3' });
    await byHand({ text });
    await goOn();
    expect(await outcome).toBe('CONFLICT');
    expect((await backend.describe(place, call())).main).toEqual({ kind: 'ours', version: third.version, epoch: 3 });
  });

  it('a set whose answer is lost is found by its tags: one version, and no second one by the SDK', async () => {
    const first = await promoted(1);
    const second = await staged();
    const before = await sent();
    await fake.faults({ drop: { set: 1 } });
    await backend.promote(place, { version: second.version, epoch: 2, expected: first.version }, call());
    expect(await setsSince(before)).toBe(1);
    expect((await versionsOfMain()).length).toBe(2);
  });

  it.each([
    [429, { code: 'RATE_LIMITED', retryAfter: 7_000 }],
    [503, { code: 'AMBIGUOUS' }],
  ])('%i to a set is not retried by the SDK, and shows no material', async (status, expected) => {
    const made = make();
    const before = await sent();
    await fake.faults({ secretInErrors: true, failNext: { operation: 'set', count: 9, status, retryAfter: '7' } });
    const thrown: unknown = await backend.stage(place, made, call()).catch((reason: unknown) => reason);
    expect(thrown).toMatchObject(expected);
    expect(shown(thrown)).not.toContain(made.value);
    expect(await setsSince(before)).toBe(1);
  });

  it('many first calls at once of a new client send no value before there is a token', async () => {
    const fresh = backendWith(fake.url, fake.url, authority.path, admin);
    await Promise.all([1, 2, 3, 4].map(() => fresh.stage(place, make(), call())));
    const { requests } = await fake.activity();
    expect(requests.map(({ operation }) => operation)).not.toContain('exposed');
    expect((await backend.describe(place, call())).staged.length).toBe(4);
  });

  it('signs in again, once, when its token is taken back', async () => {
    await backend.probe(place, call());
    const tokens = async () => (await fake.activity()).requests.filter(({ operation }) => operation === 'token').length;
    const before = await tokens();
    await fake.control('DELETE', '/tokens');
    await backend.probe(place, call());
    expect(await tokens()).toBe(before + 1);
  });

  it('a disabled current version is CONFLICT, never absence, and never written over', async () => {
    const first = await promoted(1);
    const second = await staged();
    const id = (await versionsOfMain()).at(-1)?.id ?? '';
    await fake.control('POST', '/disable', { name: nameOf(place.path), id });
    await expect(backend.describe(place, call())).rejects.toMatchObject({ code: 'CONFLICT' });
    const late = backend.promote(place, { version: second.version, epoch: 2, expected: first.version }, call());
    await expect(late).rejects.toThrow(/is disabled: enable it/);
  });

  it('a name that a deleted secret holds is CONFLICT', async () => {
    const made = await promoted(1);
    await fake.control('POST', '/delete', { name: nameOf(place.path) });
    const late = backend.promote(place, { version: made.version, epoch: 2, expected: made.version }, call());
    await expect(late).rejects.toThrow(/recover or purge it/);
  });

  it('lists of many pages are read to their end', async () => {
    await fake.settings({ pageSize: 2 });
    const made = [await staged(), await staged(), await staged(), await staged(), await staged()];
    expect([...(await backend.describe(place, call())).staged].sort()).toEqual(
      made.map(({ version }) => version).sort(),
    );
  });

  it("other tags and the content type of the version before stay on keybaton's", async () => {
    await fake.control('POST', '/by-hand', {
      name: nameOf(place.path),
      fields: { REGION: 'x' },
      tags: { owner: 'payments' },
    });
    await promoted(1);
    expect((await versionsOfMain()).at(-1)?.tags).toMatchObject({ owner: 'payments', 'keybaton-epoch': '1' });
  });

  it.each(['ai/prod/Upper', 'ai/prod/under_score', 'ai/prod/two--hyphens', 'ai/prod/ends-', `ai/${'x'.repeat(120)}`])(
    'path %s is INVALID_CONFIG before anything is written',
    async (path) => {
      const before = await sent();
      await expect(backend.stage(placeAt(path), make(), call())).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
      expect(await setsSince(before)).toBe(0);
    },
  );
});
