/**
 * IAM and STS by the Query protocol (form in, XML out; every request signed), and Bedrock's list of models with a bearer key,
 * at one address. Errors: https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html, read 2026-11. What Bedrock
 * says of a bad key, and of a good one without the permission, is as people have reported it.
 */
import type { FakeAnswer, FakeRequest, Operation, Vendor } from '../fake-server.ts';
import type { VendorOptions } from '../main.ts';
import { claimedKey, signedWith } from './signature.ts';
import { awsDefaults, awsState, Refusal, type AwsSettings, type Key } from './state.ts';

const adminId = 'AKIAADMINADMINADMIN1';
type Form = Readonly<Record<string, string>>;

export function awsVendor({ adminKey, onValue }: VendorOptions): Vendor<AwsSettings> {
  const settings = awsDefaults();
  let lastValue = '';
  const state = awsState(settings, (value) => {
    lastValue = value;
    onValue(value);
  });

  const failure = (status: number, code: string, message: string): FakeAnswer => {
    const text = settings.echo ? `${message} ${lastValue} ${adminKey}` : message;
    const type = status < 500 ? 'Sender' : 'Receiver';
    return {
      status,
      body: {},
      text: `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>${type}</Type><Code>${code}</Code><Message>${text}</Message></Error><RequestId>r</RequestId></ErrorResponse>`,
      headers: { 'content-type': 'text/xml' },
    };
  };
  const success = (action: string, result: string): FakeAnswer => ({
    status: 200,
    body: {},
    text: `<${action}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><${action}Result>${result}</${action}Result><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></${action}Response>`,
    headers: { 'content-type': 'text/xml' },
  });

  const shown = (key: Key, secret: boolean): string =>
    key.kind === 'access-key'
      ? elements({
          UserName: key.user,
          AccessKeyId: key.id,
          Status: key.active ? 'Active' : 'Inactive',
          ...(secret && { SecretAccessKey: key.secret }),
          CreateDate: iso(key.createdAt),
        })
      : elements({
          UserName: key.user,
          ServiceName: 'bedrock.amazonaws.com',
          ServiceSpecificCredentialId: key.id,
          ServiceCredentialAlias: `${key.user}-at-1`,
          Status: key.active ? 'Active' : 'Inactive',
          ...(secret && { ServiceCredentialSecret: key.secret }),
          CreateDate: iso(key.createdAt),
          ...(key.expiresAt !== null && { ExpirationDate: iso(key.expiresAt) }),
        });

  /** Two at a time, so that pages are turned. */
  const listed = (keys: readonly Key[], form: Form): string => {
    const start = Number(form['Marker'] ?? 0);
    const end = start + Number(form['MaxItems'] ?? 100);
    const members = keys.slice(start, end).map((key) => `<member>${shown(key, false)}</member>`);
    const name =
      keys[0]?.kind === 'bedrock' || form['ServiceName'] ? 'ServiceSpecificCredentials' : 'AccessKeyMetadata';
    const more = end < keys.length;
    return `<${name}>${members.join('')}</${name}><IsTruncated>${more}</IsTruncated>${more ? `<Marker>${end}</Marker>` : ''}`;
  };

  const actions: Readonly<Record<string, readonly [string, (form: Form) => string]>> = {
    CreateAccessKey: [
      'create',
      (form) => `<AccessKey>${shown(state.create(user(form), 'access-key'), true)}</AccessKey>`,
    ],
    ListAccessKeys: ['list', (form) => listed(state.list(user(form), 'access-key'), form)],
    UpdateAccessKey: [
      'update',
      (form) =>
        nothing(state.setActive(user(form), 'access-key', text(form, 'AccessKeyId'), form['Status'] === 'Active')),
    ],
    DeleteAccessKey: ['delete', (form) => nothing(state.remove(user(form), 'access-key', text(form, 'AccessKeyId')))],
    GetAccessKeyLastUsed: [
      'last-used',
      (form) => {
        const { user: name, at } = state.lastUsed(text(form, 'AccessKeyId'));
        const used = at === null ? {} : { LastUsedDate: iso(at) };
        return `${elements({ UserName: name })}<AccessKeyLastUsed>${elements({ ...used, ServiceName: at === null ? 'N/A' : 'sts', Region: 'N/A' })}</AccessKeyLastUsed>`;
      },
    ],
    CreateServiceSpecificCredential: [
      'create',
      (form) => {
        if (form['ServiceName'] !== 'bedrock.amazonaws.com')
          throw new Refusal(404, 'NotSupportedService', 'The specified service does not support it.');
        const days = form['CredentialAgeDays'];
        const made = state.create(user(form), 'bedrock', days === undefined ? undefined : Number(days));
        return `<ServiceSpecificCredential>${shown(made, true)}</ServiceSpecificCredential>`;
      },
    ],
    ListServiceSpecificCredentials: ['list', (form) => listed(state.list(user(form), 'bedrock'), form)],
    UpdateServiceSpecificCredential: [
      'update',
      (form) => nothing(state.setActive(user(form), 'bedrock', credentialId(form), form['Status'] === 'Active')),
    ],
    DeleteServiceSpecificCredential: [
      'delete',
      (form) => nothing(state.remove(user(form), 'bedrock', credentialId(form))),
    ],
  };

  const asAdmin = (request: FakeRequest, action: string, act: (form: Form) => string) => (): FakeAnswer => {
    if (claimedKey(request) !== adminId) return failure(403, 'InvalidClientTokenId', 'The security token is invalid.');
    if (!signedWith(adminKey, request)) return failure(403, 'SignatureDoesNotMatch', 'The signature does not match.');
    try {
      return success(action, act(Object(request.body) as Form));
    } catch (error) {
      if (error instanceof Refusal) return failure(error.status, error.code, error.message);
      throw error;
    }
  };

  const identity = (request: FakeRequest) => (): FakeAnswer => {
    const id = claimedKey(request);
    if (id === adminId && signedWith(adminKey, request)) return success('GetCallerIdentity', arn('admin'));
    const key = state.keys.find((one) => one.id === id && one.kind === 'access-key');
    if (key === undefined || !state.works(key))
      return failure(403, 'InvalidClientTokenId', 'The security token is invalid.');
    if (!signedWith(key.secret, request)) return failure(403, 'SignatureDoesNotMatch', 'The signature does not match.');
    if (settings.denyUsers) return failure(403, 'AccessDenied', 'explicit deny in a service control policy');
    state.use(key);
    return success('GetCallerIdentity', arn(key.user));
  };

  const models =
    ({ headers }: FakeRequest) =>
    (): FakeAnswer => {
      const value = headers.authorization?.replace(/^Bearer /, '') ?? '';
      const key = state.keys.find((one) => one.secret === value && one.kind === 'bedrock');
      const refused = (Message: string): FakeAnswer => ({ status: 403, body: { Message } });
      if (!value.startsWith('ABSK')) return refused('Invalid API Key format: Must start with pre-defined prefix');
      if (key === undefined || !state.use(key))
        return refused('Authentication failed: Please make sure your API Key is valid.');
      if (settings.denyUsers)
        return refused(
          `User: arn:aws:iam::1:user/${key.user} is not authorized to perform: bedrock:ListFoundationModels`,
        );
      return { status: 200, body: { modelSummaries: [{ modelId: 'model-1' }] } };
    };

  return {
    settings,
    operation(request): Operation {
      if (request.method === 'GET' && request.path === '/foundation-models')
        return { name: 'models', perform: models(request) };
      const action = (Object(request.body) as Form)['Action'] ?? '';
      if (action === 'GetCallerIdentity') return { name: 'identity', perform: identity(request) };
      const found = actions[action];
      if (found === undefined)
        return { name: 'unknown', perform: () => failure(400, 'InvalidAction', 'no such action') };
      return { name: found[0], limitedBy: 'account', perform: asAdmin(request, action, found[1]) };
    },
    failure: (status, message) =>
      failure(
        status,
        status === 429 ? 'Throttling' : status === 401 ? 'InvalidClientTokenId' : 'ServiceFailure',
        message,
      ),
    lastValue: () => lastValue,
    control: {
      'POST /users': (body) => {
        state.addUser(text(Object(body), 'user'));
        return { adminId };
      },
      // What lives, whatever the vendor's API would show.
      'GET /keys': () => state.keys.map((key) => ({ user: key.user, id: key.id, live: state.works(key) })),
      // What a person with the console does.
      'POST /keys': (body) => {
        const { kind = 'access-key' } = Object(body) as { kind?: Key['kind'] };
        const { id, secret } = state.create(text(Object(body), 'user'), kind);
        return { id, secret };
      },
    },
  };
}

const user = (form: Form): string => text(form, 'UserName');
const credentialId = (form: Form): string => text(form, 'ServiceSpecificCredentialId');
const arn = (name: string): string =>
  elements({ Arn: `arn:aws:iam::123456789012:user/${name}`, UserId: 'AIDA', Account: '123456789012' });
const iso = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;
const nothing = (_done: void): string => '';
const elements = (fields: Readonly<Record<string, string>>): string =>
  Object.entries(fields)
    .map(([name, value]) => `<${name}>${value}</${name}>`)
    .join('');

function text(form: Readonly<Record<string, unknown>>, name: string): string {
  const found = form[name];
  if (typeof found !== 'string' || found === '') throw new Refusal(400, 'ValidationError', `${name} is required`);
  return found;
}
