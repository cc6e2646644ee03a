import { randomUUID } from 'node:crypto';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AwsFake, keysWith, ownerOf, rawSecretsManager } from '../backends/aws-secrets-manager-subject.ts';
import { startFake } from './start.ts';

/** The official client alone: what the fake does must be what the pages of AWS say, whoever asks. */
describe('the fake of AWS Secrets Manager', () => {
  let fake: AwsFake;
  let client: SecretsManagerClient;
  let name: string;
  beforeAll(async () => {
    fake = await startFake('aws-secrets-manager');
    client = rawSecretsManager(fake.url, ownerOf(fake));
  });
  afterAll(() => fake.stop());
  beforeEach(() => {
    name = `ai/${randomUUID()}`;
  });
  afterEach(() => fake.reset());

  const [one, two, three] = [randomUUID(), randomUUID(), randomUUID()];
  const create = (text = 'first') =>
    client.send(new CreateSecretCommand({ Name: name, ClientRequestToken: one, SecretString: text }));
  const put = (token: string, text: string, stages?: string[]) =>
    client.send(
      new PutSecretValueCommand({
        SecretId: name,
        ClientRequestToken: token,
        SecretString: text,
        ...(stages && { VersionStages: stages }),
      }),
    );
  const move = (stage: string, to: string | undefined, from: string | undefined) =>
    client.send(
      new UpdateSecretVersionStageCommand({
        SecretId: name,
        VersionStage: stage,
        MoveToVersionId: to,
        RemoveFromVersionId: from,
      }),
    );
  const labels = async () => (await client.send(new DescribeSecretCommand({ SecretId: name }))).VersionIdsToStages;
  const refused = (type: string, sent: Promise<unknown>) => expect(sent).rejects.toMatchObject({ name: type });

  it('ignores a token that comes again with the same content and refuses it with another', async () => {
    await create();
    await create();
    await refused('ResourceExistsException', create('other'));
    await put(two, 'second', ['AWSPENDING']);
    await put(two, 'second', ['AWSPENDING']);
    await refused('ResourceExistsException', put(two, 'other', ['AWSPENDING']));
  });

  it("makes a secret's first version current, whatever label it asks for", async () => {
    await client.send(new CreateSecretCommand({ Name: name }));
    expect((await put(one, 'first', ['AWSPENDING'])).VersionStages?.sort()).toEqual(['AWSCURRENT', 'AWSPENDING']);
  });

  it('moves AWSCURRENT only away from the version that has it, and AWSPREVIOUS behind it', async () => {
    await create();
    await put(two, 'second', ['AWSPENDING']);
    await refused('InvalidParameterException', move('AWSCURRENT', two, undefined));
    await refused('InvalidParameterException', move('AWSCURRENT', two, two));
    await move('AWSCURRENT', two, one);
    expect(await labels()).toEqual({ [one]: ['AWSPREVIOUS'], [two]: ['AWSPENDING', 'AWSCURRENT'] });
    await refused('InvalidParameterException', move('AWSCURRENT', undefined, two));
    await move('AWSPENDING', undefined, two);
    await put(three, 'third');
    expect(await labels()).toEqual({ [two]: ['AWSPREVIOUS'], [three]: ['AWSCURRENT'] });
  });

  it('shows a version without labels to whoever knows its id, and to nobody by a label', async () => {
    await create();
    await put(two, 'second');
    await move('AWSPREVIOUS', undefined, one);
    expect((await client.send(new GetSecretValueCommand({ SecretId: name, VersionId: one }))).SecretString).toBe(
      'first',
    );
    const byLabel = client.send(new GetSecretValueCommand({ SecretId: name, VersionStage: 'AWSPREVIOUS' }));
    await refused('ResourceNotFoundException', byLabel);
  });

  it('lists every name to whoever asks for none, and says when the version it shows was made', async () => {
    await create();
    const { SecretList = [] } = await client.send(new ListSecretsCommand({}));
    expect(SecretList.map((one) => one.Name)).toContain(name);
    const { CreatedDate } = await client.send(new GetSecretValueCommand({ SecretId: name }));
    expect(CreatedDate?.getTime()).toBeGreaterThan(Date.now() - 600_000);
  });

  it('refuses to show a secret that waits for its deletion, and erases one at once when told to', async () => {
    await create();
    await client.send(new DeleteSecretCommand({ SecretId: name, RecoveryWindowInDays: 7 }));
    await refused('InvalidRequestException', client.send(new GetSecretValueCommand({ SecretId: name })));
    await refused('InvalidRequestException', create('again'));
    await client.send(new DeleteSecretCommand({ SecretId: name, ForceDeleteWithoutRecovery: true }));
    await refused('ResourceNotFoundException', client.send(new GetSecretValueCommand({ SecretId: name })));
  });

  it('lists by the beginning of names, page by page, and as far behind as it is told', async () => {
    for (const end of ['a', 'b', 'c'])
      await client.send(new CreateSecretCommand({ Name: `${name}/${end}`, SecretString: end }));
    const list = (NextToken?: string) =>
      client.send(
        new ListSecretsCommand({
          Filters: [{ Key: 'name', Values: [`${name}/`] }],
          MaxResults: 2,
          ...(NextToken && { NextToken }),
        }),
      );
    const first = await list();
    const second = await list(first.NextToken);
    expect([first.SecretList?.length, second.SecretList?.length, second.NextToken]).toEqual([2, 1, undefined]);
    await fake.settings({ listLag: 300_000 });
    expect((await list()).SecretList).toEqual([]);
  });

  it('refuses an unknown key, a wrong secret, and what a policy does not allow', async () => {
    await create();
    const asked = new GetSecretValueCommand({ SecretId: name });
    const owner = ownerOf(fake);
    await refused(
      'UnrecognizedClientException',
      rawSecretsManager(fake.url, { ...owner, id: 'AKIAUNKNOWN' }).send(asked),
    );
    await refused('InvalidSignatureException', rawSecretsManager(fake.url, { ...owner, secret: 'wrong' }).send(asked));
    const statement = {
      Effect: 'Allow',
      Action: 'secretsmanager:GetSecretValue',
      Resource: `arn:aws:secretsmanager:*:*:secret:${name}-??????`,
      Condition: { StringEquals: { 'secretsmanager:VersionStage': 'AWSCURRENT' } },
    };
    const keys = await keysWith(fake, JSON.stringify({ Version: '2012-10-17', Statement: [statement] }));
    const narrow = rawSecretsManager(fake.url, keys);
    await narrow.send(new GetSecretValueCommand({ SecretId: name, VersionStage: 'AWSCURRENT' }));
    await refused('AccessDeniedException', narrow.send(asked));
    await refused('AccessDeniedException', narrow.send(new GetSecretValueCommand({ SecretId: name, VersionId: one })));
  });

  it('a reached quota is an exception of its own, which the client as it comes retries as if it were throttling', async () => {
    await create();
    await fake.settings({ maxVersions: 1 });
    const before = (await fake.activity()).requests.length;
    await refused('LimitExceededException', put(two, 'second'));
    const asItComes = rawSecretsManager(fake.url, ownerOf(fake), { maxAttempts: 2 });
    await refused(
      'LimitExceededException',
      asItComes.send(new PutSecretValueCommand({ SecretId: name, ClientRequestToken: two, SecretString: 'second' })),
    );
    expect((await fake.activity()).requests.length - before).toBe(3);
  });
});
