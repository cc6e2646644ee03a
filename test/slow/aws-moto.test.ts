// The same backend against moto, where moto is right: https://docs.getmoto.org/en/latest/docs/server_mode.html
//
// It is large, so only `.ci/run` brings it by itself; for anybody else: node scripts/setup/emulators.mjs
// What moto does otherwise than AWS, and why the kit does not run here: it knows no policies, gives the old version to a
// request without a label, and overwrites a version under AWSPENDING that has the same id and other content.
import { randomBytes } from 'node:crypto';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Backend, Place } from '../../backends/backend.ts';
import { type VersionId, versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { type Emulator, missingEmulators, startMoto } from '../../scripts/servers/emulator.ts';
import { backendWith, placeAt, rawSecretsManager } from '../backends/aws-secrets-manager-subject.ts';

const missing = missingEmulators();

const keys = { id: 'test', secret: 'test' };
const call = () => ({ signal: new AbortController().signal, deadline: Date.now() + 60_000, now: () => Date.now() });

describe('aws-secrets-manager on moto', () => {
  let moto: Emulator;
  let backend: Backend;
  let place: Place;
  beforeAll(async () => {
    if (missing === undefined) moto = await startMoto();
  });
  afterAll(async () => {
    if (missing === undefined) await moto.stop();
  });
  beforeEach(({ skip }) => {
    if (missing !== undefined) skip(missing);
    backend = backendWith(moto.url, keys);
    place = placeAt(`ai/prod/${randomBytes(6).toString('hex')}`);
  });

  function make() {
    const material = new SecretMaterial({ api_key: `canary-moto-${randomBytes(8).toString('hex')}` }, 'api_key');
    return { version: versionIdFrom(randomBytes(64)), ref: { id: 'key-1' }, material };
  }
  async function promoted(epoch: number, expected?: VersionId) {
    const made = make();
    await backend.stage(place, made, call());
    await backend.promote(place, { version: made.version, epoch, expected }, call());
    return made;
  }
  async function current() {
    const client = rawSecretsManager(moto.url, keys);
    const read = await client.send(new GetSecretValueCommand({ SecretId: place.path, VersionStage: 'AWSCURRENT' }));
    return { client, fields: JSON.parse(read.SecretString ?? '{}') };
  }

  it('stages once, refuses another value, and probes', async () => {
    const made = make();
    await backend.probe(place, call());
    await backend.stage(place, made, call());
    await backend.stage(place, made, call());
    const other = { ...make(), version: made.version };
    await expect(backend.stage(place, other, call())).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await backend.describe(place, call())).toEqual({ main: { kind: 'empty' }, staged: [made.version] });
  });

  it('promotes over a change by hand with it, refuses a rival, and rolls back', async () => {
    const first = await promoted(1);
    const { client, fields } = await current();
    const changed = JSON.stringify({ ...fields, REGION: 'eu-west-1' });
    await client.send(new PutSecretValueCommand({ SecretId: place.path, SecretString: changed }));
    const second = await promoted(2, first.version);
    expect((await current()).fields).toMatchObject({ REGION: 'eu-west-1', keybaton_version: second.version });
    const third = make();
    await backend.stage(place, third, call());
    const rival = backend.promote(place, { version: third.version, epoch: 2, expected: first.version }, call());
    await expect(rival).rejects.toMatchObject({ code: 'CONFLICT' });
    await backend.promote(place, { version: first.version, epoch: 3, expected: second.version }, call());
    expect((await backend.describe(place, call())).main).toEqual({ kind: 'ours', version: first.version, epoch: 3 });
  });

  it('destroys by taking the labels away and erasing the envelope, never what is current', async () => {
    const first = await promoted(1);
    const second = await promoted(2, first.version);
    await expect(backend.destroy(place, second.version, call())).rejects.toMatchObject({ code: 'CONFLICT' });
    await backend.destroy(place, first.version, call());
    const { client } = await current();
    const described = await client.send(new DescribeSecretCommand({ SecretId: place.path }));
    expect(Object.values(described.VersionIdsToStages ?? {}).flat()).toEqual(['AWSCURRENT']);
    await expect(backend.read(place, first.version, call())).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  const put = (SecretId: string, id: string, SecretString: string, ...VersionStages: string[]) =>
    rawSecretsManager(moto.url, keys).send(
      new PutSecretValueCommand({
        SecretId,
        ClientRequestToken: id.repeat(36),
        SecretString,
        ...(VersionStages.length > 0 && { VersionStages }),
      }),
    );

  // What AWS does then is shown with the fake of ours: test/fakes/aws-secrets-manager.test.ts. A skip ends by itself when moto does so too.
  it.for<{ what: string; why: string; right: (client: SecretsManagerClient, name: string) => Promise<boolean> }>([
    {
      what: 'gives what is current to a request without a label',
      why: 'moto gives the version that was current before',
      right: async (client, name) => {
        await put(name, 'b', 'second', 'AWSPENDING');
        const move = {
          VersionStage: 'AWSCURRENT',
          MoveToVersionId: 'b'.repeat(36),
          RemoveFromVersionId: 'a'.repeat(36),
        };
        await client.send(new UpdateSecretVersionStageCommand({ SecretId: name, ...move }));
        return (await client.send(new GetSecretValueCommand({ SecretId: name }))).SecretString === 'second';
      },
    },
    {
      what: 'refuses other content under an id that is taken',
      why: 'moto overwrites a version under AWSPENDING',
      right: async (_client, name) => {
        await put(name, 'b', 'second', 'AWSPENDING');
        return refused(put(name, 'b', 'third', 'AWSPENDING'));
      },
    },
    {
      what: 'takes a label from the version that it is named to be on, and no other',
      why: 'moto lets a label of ours sit on two versions',
      right: async (client, name) => {
        await put(name, 'b', 'second', 'OURS');
        const move = { SecretId: name, VersionStage: 'OURS', MoveToVersionId: 'a'.repeat(36) };
        return refused(client.send(new UpdateSecretVersionStageCommand(move)));
      },
    },
    {
      what: 'writes nothing into a secret that waits for its deletion',
      why: 'moto writes there',
      right: async (client, name) => {
        await client.send(new DeleteSecretCommand({ SecretId: name, RecoveryWindowInDays: 7 }));
        return refused(put(name, 'b', 'second'));
      },
    },
  ])('$what', async ({ why, right }, { skip }) => {
    const client = rawSecretsManager(moto.url, keys);
    const name = `wrong/${randomBytes(6).toString('hex')}`;
    const made = { Name: name, SecretString: 'first', ClientRequestToken: 'a'.repeat(36) };
    await client.send(new CreateSecretCommand(made));
    const isRight = await right(client, name);
    if (!isRight) skip(why);
    expect(isRight).toBe(true);
  });
});

const refused = (asked: Promise<unknown>): Promise<boolean> =>
  asked.then(
    () => false,
    () => true,
  );
