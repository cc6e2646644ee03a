/**
 * AWS Secrets Manager over its JSON protocol: POST / with the operation in X-Amz-Target. Requests are read strictly, so
 * that a member which the service does not know is refused, as its own validation does.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { FakeAnswer, FakeRequest, Operation, Vendor } from '../fake-server.ts';
import type { VendorOptions } from '../main.ts';
import { isAllowed, type Policy, policyShape } from './policy.ts';
import { checkSignature } from './signature.ts';
import { awsDefaults, awsException, type AwsSettings, awsState, isAwsException, type Secret } from './state.ts';

const name = z.string().regex(/^[A-Za-z0-9/_+=.@-]{1,512}$/);
const token = z.string().min(32).max(64);
const text = z.string().min(1).max(65_536);
const stage = z.string().min(1).max(256);

const shapes = {
  CreateSecret: z.strictObject({
    Name: name,
    ClientRequestToken: token.optional(),
    SecretString: text.optional(),
    KmsKeyId: z.string().max(2_048).optional(),
    Description: z.string().max(2_048).optional(),
  }),
  GetSecretValue: z.strictObject({ SecretId: name, VersionId: token.optional(), VersionStage: stage.optional() }),
  PutSecretValue: z.strictObject({
    SecretId: name,
    ClientRequestToken: token.optional(),
    SecretString: text,
    VersionStages: z.array(stage).min(1).max(20).optional(),
  }),
  UpdateSecretVersionStage: z.strictObject({
    SecretId: name,
    VersionStage: stage,
    MoveToVersionId: token.optional(),
    RemoveFromVersionId: token.optional(),
  }),
  DescribeSecret: z.strictObject({ SecretId: name }),
  ListSecrets: z.strictObject({
    Filters: z.array(z.strictObject({ Key: z.literal('name'), Values: z.array(z.string().min(1)) })).optional(),
    MaxResults: z.number().int().min(1).max(100).optional(),
    NextToken: z.string().optional(),
  }),
  DeleteSecret: z.strictObject({
    SecretId: name,
    ForceDeleteWithoutRecovery: z.boolean().optional(),
    RecoveryWindowInDays: z.number().int().min(7).max(30).optional(),
  }),
};
type OperationName = keyof typeof shapes;

const account = '111122223333';
const everything: Policy = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: ['*'], Resource: ['*'] }],
};

/** The admin key of `startFake` is `<access key id>:<secret>`, the owner of the account; others come by the control port. */
export function awsSecretsManagerVendor({ adminKey, onValue }: VendorOptions): Vendor<AwsSettings> {
  const settings = awsDefaults();
  const state = awsState(settings);
  const [ownerId = '', ownerSecret = ''] = adminKey.split(':');
  const keys = new Map<string, { readonly secret: string; readonly policy: Policy }>([
    [ownerId, { secret: ownerSecret, policy: everything }],
  ]);
  let lastValue: string | undefined;

  const arn = (region: string, secret: Pick<Secret, 'name' | 'suffix'>) =>
    `arn:aws:secretsmanager:${region}:${account}:secret:${secret.name}-${secret.suffix}`;
  const labels = (secret: Secret) =>
    Object.fromEntries(secret.versions.filter(({ stages }) => stages.length > 0).map(({ id, stages }) => [id, stages]));

  function perform(operation: OperationName, body: unknown, region: string, policy: Policy): unknown {
    const input = shapes[operation].safeParse(body);
    if (!input.success) throw awsException('ValidationException', z.prettifyError(input.error));
    const { Name, SecretId, VersionStage } = input.data as { Name?: string; SecretId?: string; VersionStage?: string };
    const asked = Name ?? SecretId;
    const known = asked === undefined ? undefined : (state.find(asked) ?? { name: asked, suffix: '??????' });
    const resource = known === undefined ? '*' : arn(region, known);
    if (!isAllowed(policy, `secretsmanager:${operation}`, resource, VersionStage)) {
      throw awsException('AccessDeniedException', `not authorized to perform: secretsmanager:${operation}`);
    }
    switch (operation) {
      case 'CreateSecret': {
        const { Name, ClientRequestToken = randomUUID(), SecretString } = shapes.CreateSecret.parse(body);
        remember(SecretString);
        const { secret, version } = state.create(Name, ClientRequestToken, SecretString);
        return { ARN: arn(region, secret), Name, ...(version && { VersionId: version.id }) };
      }
      case 'GetSecretValue': {
        const { SecretId, VersionId, VersionStage } = shapes.GetSecretValue.parse(body);
        const { secret, version } = state.get(SecretId, VersionId, VersionStage);
        return {
          ARN: arn(region, secret),
          Name: secret.name,
          VersionId: version.id,
          SecretString: version.text,
          CreatedDate: version.createdAt / 1_000,
          ...(version.stages.length > 0 && { VersionStages: version.stages }),
        };
      }
      case 'PutSecretValue': {
        const {
          SecretId,
          ClientRequestToken = randomUUID(),
          SecretString,
          VersionStages = ['AWSCURRENT'],
        } = shapes.PutSecretValue.parse(body);
        remember(SecretString);
        const { secret, version } = state.put(SecretId, ClientRequestToken, SecretString, VersionStages);
        return { ARN: arn(region, secret), Name: secret.name, VersionId: version.id, VersionStages: version.stages };
      }
      case 'UpdateSecretVersionStage': {
        const { SecretId, VersionStage, MoveToVersionId, RemoveFromVersionId } =
          shapes.UpdateSecretVersionStage.parse(body);
        const secret = state.move(SecretId, VersionStage, MoveToVersionId, RemoveFromVersionId);
        return { ARN: arn(region, secret), Name: secret.name };
      }
      case 'DescribeSecret': {
        const secret = state.named(shapes.DescribeSecret.parse(body).SecretId);
        return {
          ARN: arn(region, secret),
          Name: secret.name,
          CreatedDate: secret.createdAt / 1_000,
          ...(secret.deletedAt !== undefined && { DeletedDate: secret.deletedAt / 1_000 }),
          ...(secret.versions.length > 0 && { VersionIdsToStages: labels(secret) }),
        };
      }
      case 'ListSecrets': {
        const { Filters = [], MaxResults = 100, NextToken = '0' } = shapes.ListSecrets.parse(body);
        const names = state.listed(Filters.flatMap(({ Values }) => Values));
        const begin = Number(NextToken);
        const end = begin + MaxResults;
        return {
          SecretList: names
            .slice(begin, end)
            .map((one) => ({ Name: one, ARN: arn(region, { name: one, suffix: '' }) })),
          ...(end < names.length && { NextToken: String(end) }),
        };
      }
      case 'DeleteSecret': {
        const { SecretId, ForceDeleteWithoutRecovery = false } = shapes.DeleteSecret.parse(body);
        const secret = state.remove(SecretId, ForceDeleteWithoutRecovery);
        return { ARN: arn(region, secret), Name: secret.name, DeletionDate: Date.now() / 1_000 };
      }
    }
  }

  function remember(value: string | undefined): void {
    if (value === undefined) return;
    lastValue = value;
    onValue(value);
  }

  function answer(operation: string, request: FakeRequest): FakeAnswer {
    const signed = checkSignature(request, (id) => keys.get(id)?.secret);
    if (signed.kind === 'missing') return exception(400, 'MissingAuthenticationTokenException', 'no signature');
    if (signed.kind === 'unknown key')
      return exception(400, 'UnrecognizedClientException', 'The security token included in the request is invalid.');
    if (signed.kind === 'wrong') return exception(400, 'InvalidSignatureException', 'the signature does not match');
    if (!isOperation(operation)) return exception(400, 'UnknownOperationException', operation);
    try {
      const policy = keys.get(signed.accessKeyId)?.policy ?? everything;
      return { status: 200, body: perform(operation, request.body, signed.region, policy) };
    } catch (error) {
      if (isAwsException(error)) return exception(400, error.awsType, error.message);
      throw error;
    }
  }

  return {
    settings,
    operation(request): Operation {
      const operation = /^secretsmanager\.(\w+)$/.exec(String(request.headers['x-amz-target'] ?? ''))?.[1] ?? 'unknown';
      return {
        name: operation,
        limitedBy: 'account',
        perform: () => {
          // The API is POST / alone, in this one content type.
          if (
            request.method !== 'POST' ||
            request.path !== '/' ||
            request.headers['content-type'] !== 'application/x-amz-json-1.1'
          )
            return exception(404, 'UnknownOperationException', 'no such operation');
          return answer(operation, request);
        },
      };
    },
    failure: (status, message) =>
      exception(
        status,
        status === 429 ? 'ThrottlingException' : status >= 500 ? 'InternalServiceError' : 'AccessDeniedException',
        message,
      ),
    lastValue: () => lastValue,
    control: {
      'GET /secrets': () =>
        state.all().map((one) => ({ name: one.name, deleted: one.deletedAt !== undefined, versions: one.versions })),
      /** An identity with this policy alone. */
      'POST /keys': (body) => {
        const made = {
          id: `AKIA${randomBytes(8).toString('hex').toUpperCase()}`,
          secret: randomBytes(20).toString('hex'),
        };
        keys.set(made.id, { secret: made.secret, policy: policyShape.parse(body) });
        return made;
      },
      /** A person in the console: fields set in one step, or the whole text. */
      'POST /by-hand': (body) => {
        const { name, fields, text } = z
          .strictObject({
            name: z.string(),
            fields: z.record(z.string(), z.string()).optional(),
            text: z.string().optional(),
          })
          .parse(body);
        const secret = state.find(name);
        const before = secret?.versions.find(({ stages }) => stages.includes('AWSCURRENT'))?.text ?? '{}';
        const next = text ?? JSON.stringify({ ...Object(JSON.parse(before)), ...fields });
        if (secret) state.put(name, randomUUID(), next, ['AWSCURRENT']);
        else state.create(name, randomUUID(), next);
        return {};
      },
      'POST /restore': (body) => (state.restore(z.object({ name: z.string() }).parse(body).name), {}),
    },
  };
}

const isOperation = (text: string): text is OperationName => Object.hasOwn(shapes, text);

const exception = (status: number, type: string, message: string): FakeAnswer => ({
  status,
  body: { __type: type, message, Message: message },
  headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() },
});
