import { randomBytes } from 'node:crypto';
import { UpdateSecretVersionStageCommand } from '@aws-sdk/client-secrets-manager';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Backend, BackendCall, Place } from '../../backends/backend.ts';
import { shown } from '../../conformance/backend/bench.ts';
import { type VersionId, versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { eventually } from '../fakes/poll.ts';
import { startFake } from '../fakes/start.ts';
import {
  type AwsFake,
  backendWith,
  keybatonPolicy,
  type Keys,
  keysWith,
  ownerOf,
  placeAt,
  rawSecretsManager,
  secretsOf,
} from './aws-secrets-manager-subject.ts';

let fake: AwsFake;
let keys: Keys;
beforeAll(async () => {
  fake = await startFake('aws-secrets-manager');
  keys = await keysWith(fake, keybatonPolicy);
});
afterAll(() => fake.stop());

const call = (overrides: Partial<BackendCall> = {}): BackendCall => ({
  signal: new AbortController().signal,
  deadline: Date.now() + 60_000,
  now: () => Date.now(),
  ...overrides,
});

function make() {
  const value = `canary-aws-${randomBytes(8).toString('hex')}`;
  const material = new SecretMaterial({ api_key: value }, 'api_key');
  return { version: versionIdFrom(randomBytes(64)), value, ref: { id: 'key-1' }, material };
}

describe('aws-secrets-manager', () => {
  let place: Place;
  let backend: Backend;
  beforeEach(() => {
    place = placeAt(`ai/prod/${randomBytes(6).toString('hex')}`);
    backend = backendWith(fake.url, keys);
  });
  afterEach(() => fake.reset());

  const main = async () => (await secretsOf(fake)).find(({ name }) => name === place.path);
  const byHand = (body: object) => fake.control('POST', '/by-hand', { name: place.path, ...body });
  const sentSince = async (before: number) =>
    (await fake.activity()).requests.slice(before).map((one) => one.operation);
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

  it('the version id is the id of what is staged, and begins the id of what is promoted; AWSPENDING is taken off', async () => {
    const first = await promoted(1);
    const second = await promoted(2, first.version);
    const envelopes = (await secretsOf(fake)).filter(({ name }) => name.startsWith(`keybaton-staging/${place.path}/`));
    expect(envelopes.map(({ versions }) => versions[0]?.id).sort()).toEqual([first.version, second.version].sort());
    const labelled = (await main())?.versions.map(({ id, stages }) => [id.slice(0, 34), stages]);
    expect(labelled).toEqual([
      [`${first.version}-1`, ['AWSPREVIOUS']],
      [`${second.version}-2`, ['AWSCURRENT']],
    ]);
  });

  it('a promotion that is overtaken between its look and its move is refused by AWS and made anew with that field', async () => {
    const first = await promoted(1);
    const second = await staged();
    await fake.faults({ delay: { UpdateSecretVersionStage: 60_000 } });
    const late = backend.promote(place, { version: second.version, epoch: 2, expected: first.version }, call());
    await eventually(
      () => fake.activity(),
      ({ inProgress }) => inProgress['UpdateSecretVersionStage'] === 1,
    );
    await byHand({ fields: { REGION: 'eu-west-1' } });
    await fake.faults({ delay: {} });
    await late;
    const current = (await main())?.versions.find(({ stages }) => stages.includes('AWSCURRENT'));
    expect(JSON.parse(current?.text ?? '{}')).toMatchObject({ REGION: 'eu-west-1', keybaton_version: second.version });
  });

  it('a value pasted between look and move stays, and the promotion is CONFLICT', async () => {
    const first = await promoted(1);
    const second = await staged();
    await fake.faults({ delay: { UpdateSecretVersionStage: 60_000 } });
    const late = backend.promote(place, { version: second.version, epoch: 2, expected: first.version }, call());
    const outcome = expect(late).rejects.toMatchObject({ code: 'CONFLICT' });
    await eventually(
      () => fake.activity(),
      ({ inProgress }) => inProgress['UpdateSecretVersionStage'] === 1,
    );
    await byHand({ fields: { api_key: 'pasted-by-hand' } });
    await fake.faults({ delay: {} });
    await outcome;
    const current = (await main())?.versions.find(({ stages }) => stages.includes('AWSCURRENT'));
    expect(JSON.parse(current?.text ?? '{}')).toMatchObject({ api_key: 'pasted-by-hand' });
  });

  it('AWSPENDING that was left behind is AMBIGUOUS, and the same promotion again takes it off', async () => {
    const first = await promoted(1);
    const second = await staged();
    const promotion = { version: second.version, epoch: 2, expected: first.version };
    await fake.faults({ delay: { UpdateSecretVersionStage: 60_000 } });
    const late = backend.promote(place, promotion, call());
    const outcome = expect(late).rejects.toMatchObject({ code: 'AMBIGUOUS' });
    await eventually(
      () => fake.activity(),
      ({ inProgress }) => inProgress['UpdateSecretVersionStage'] === 1,
    );
    // The first move happens and its answer comes; the calls that take the label off fail.
    await fake.faults({ hold: ['UpdateSecretVersionStage'], delay: {} });
    await eventually(
      () => fake.activity(),
      ({ held }) => held.length === 1,
    );
    await fake.faults({ failNext: { operation: 'UpdateSecretVersionStage', count: 2, status: 500 }, hold: [] });
    await outcome;
    await backend.promote(place, promotion, call());
    expect((await main())?.versions.map(({ stages }) => stages)).toEqual([['AWSPREVIOUS'], ['AWSCURRENT']]);
  });

  it('AWSPENDING on what is current, where nobody repeats the promotion, goes with the copies of the version before', async () => {
    const first = await promoted(1);
    await promoted(2, first.version);
    const id = (await main())?.versions.find(({ stages }) => stages.includes('AWSCURRENT'))?.id;
    const label = { SecretId: place.path, VersionStage: 'AWSPENDING', MoveToVersionId: id };
    await rawSecretsManager(fake.url, ownerOf(fake)).send(new UpdateSecretVersionStageCommand(label));
    expect((await main())?.versions[1]?.stages).toContain('AWSPENDING');
    await backend.destroy(place, first.version, call());
    expect((await main())?.versions.map(({ stages }) => stages)).toEqual([[], ['AWSCURRENT']]);
  });

  it('a reached quota is CAPACITY_EXHAUSTED, and is asked once', async () => {
    const first = await promoted(1);
    const second = await staged();
    await fake.settings({ maxVersions: 1 });
    const before = await sent();
    const late = backend.promote(place, { version: second.version, epoch: 2, expected: first.version }, call());
    await expect(late).rejects.toMatchObject({ code: 'CAPACITY_EXHAUSTED' });
    expect((await sentSince(before)).filter((one) => one === 'PutSecretValue').length).toBe(1);
  });

  it.each([
    [429, { code: 'RATE_LIMITED', retryAfter: 7_000 }, { code: 'RATE_LIMITED', retryAfter: 7_000 }],
    [500, { code: 'AMBIGUOUS' }, { code: 'UNAVAILABLE' }],
    [503, { code: 'AMBIGUOUS' }, { code: 'UNAVAILABLE' }],
  ])(
    '%i is told apart for a write and a read, is not retried by the SDK, and shows no material',
    async (status, write, read) => {
      const made = make();
      await fake.faults({
        secretInErrors: true,
        failNext: { operation: 'CreateSecret', count: 9, status, retryAfter: '7' },
      });
      const before = await sent();
      const thrown: unknown = await backend.stage(place, made, call()).catch((reason: unknown) => reason);
      expect(thrown).toMatchObject(write);
      expect(shown(thrown)).not.toContain(made.value);
      expect((await sentSince(before)).filter((one) => one === 'CreateSecret').length).toBe(1);
      await fake.faults({ failNext: { operation: 'GetSecretValue', count: 9, status, retryAfter: '7' } });
      await expect(backend.read(place, 'current', call())).rejects.toMatchObject(read);
    },
  );

  it('a disabled KMS key is ACCESS_DENIED, never absence', async () => {
    const first = await promoted(1);
    await fake.settings({ kms: 'refused' });
    await expect(backend.describe(place, call())).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    await expect(backend.read(place, first.version, call())).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    await expect(backend.stage(place, make(), call())).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  });

  it('a text that is no JSON object is foreign as a whole, and only a person has it overwritten', async () => {
    await byHand({ text: 'sk-bare-text' });
    const made = await staged();
    expect((await backend.describe(place, call())).main).toEqual({ kind: 'foreign', claims: undefined });
    const promotion = { version: made.version, epoch: 1, expected: undefined };
    for (const overwriteForeign of [false, 'same value'] as const) {
      const outcome = backend.promote(place, { ...promotion, overwriteForeign }, call());
      await expect(outcome).rejects.toMatchObject({ code: 'CONFLICT' });
    }
    await backend.promote(place, { ...promotion, overwriteForeign: true }, call());
    expect((await backend.describe(place, call())).main).toEqual({ kind: 'ours', version: made.version, epoch: 1 });
  });

  it('numbers and objects in fields that are not ours are carried over as they are', async () => {
    await byHand({ text: '{"port":5432,"flags":{"beta":true}}' });
    await promoted(1);
    const current = (await main())?.versions.find(({ stages }) => stages.includes('AWSCURRENT'));
    expect(JSON.parse(current?.text ?? '{}')).toMatchObject({ port: 5432, flags: { beta: true }, keybaton_epoch: '1' });
  });

  it('a list that lags hides a staged version from describe, and from nothing else', async () => {
    await fake.settings({ listLag: 300_000 });
    const made = await promoted(1);
    expect(await backend.describe(place, call())).toEqual({
      main: { kind: 'ours', version: made.version, epoch: 1 },
      staged: [],
    });
    expect((await backend.read(place, made.version, call())).version).toBe(made.version);
  });

  it('an erased version that still waits for its end is absent', async () => {
    await fake.settings({ eraseLag: 300_000 });
    const made = await staged();
    await backend.destroy(place, made.version, call());
    await expect(backend.read(place, made.version, call())).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await backend.destroy(place, made.version, call());
    await expect(backend.stage(place, made, call())).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it('shows what people keep for an admin reference, and calls an absent secret or field absent', async () => {
    await byHand({ text: '{"token":"canary-admin","port":1}' });
    expect((await backend.lookUp?.(place.path, 'token', call()))?.revealValue()).toBe('canary-admin');
    await expect(backend.lookUp?.(place.path, 'port', call())).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(backend.lookUp?.(`${place.path}/none`, undefined, call())).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await byHand({ text: 'canary-bare' });
    expect((await backend.lookUp?.(place.path, undefined, call()))?.revealValue()).toBe('canary-bare');
  });

  it('a rotated admin credential is taken with the next call', async () => {
    const now = { keys: { id: 'AKIAOLD', secret: 'revoked' } };
    const rotating = backendWith(fake.url, {
      get id() {
        return now.keys.id;
      },
      get secret() {
        return now.keys.secret;
      },
    });
    await expect(rotating.probe(place, call())).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    now.keys = keys;
    await rotating.probe(place, call());
  });

  it('keybaton may neither delete the secret of an entry nor read beside its folders', async () => {
    await expect(backend.describe(placeAt('other/team'), call())).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    const statement = JSON.parse(keybatonPolicy).Statement.find(({ Sid }: { Sid: string }) => Sid === 'Entries');
    expect(statement.Action).not.toContain('secretsmanager:DeleteSecret');
  });

  it('writes take their turns: those that would come after the deadline are not sent', async () => {
    const slow = backendWith(fake.url, keys, { writesPerSecond: 1 });
    await slow.stage(place, make(), call());
    const before = await sent();
    await expect(slow.stage(place, make(), call({ deadline: Date.now() + 300 }))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    expect(await sentSince(before)).toEqual([]);
  });
});
