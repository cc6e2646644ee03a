import { isRecord } from '../api.ts';
import { problem } from '../problem.ts';
import type { AwsCredentials } from './aws-signature.ts';
import { callStore, jsonOf, refusalOf } from './http.ts';
import { readTokenFile } from './token-file.ts';

type Environment = Readonly<Record<string, string | undefined>>;
export type FindCredentials = (signal: AbortSignal) => Promise<AwsCredentials>;

export interface AwsIdentity {
  readonly region: string;
  readonly environment: Environment;
  readonly fetch: typeof globalThis.fetch;
  /** Where STS is, for tests and private endpoints. */
  readonly stsEndpoint: string | undefined;
}

/** Milliseconds before their end at which other ones are asked for. */
const early = 300_000;
/** Where containers may be answered over plain HTTP: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html */
const linkLocal = ['169.254.170.2', '169.254.170.23', '[fd00:ec2::23]', '127.0.0.1', 'localhost', '[::1]'];

/**
 * Credentials of this process, in the order in which AWS's own SDKs look: keys in the environment, a web identity (IRSA), the
 * container's endpoint (EKS Pod Identity, ECS). Asked for again shortly before they end, once for however many callers.
 * INVALID_CONFIG when nothing is there; the metadata service of EC2 is not asked.
 */
export function findCredentials(identity: AwsIdentity): FindCredentials {
  let held: AwsCredentials | undefined;
  let asking: Promise<AwsCredentials> | undefined;
  return async (signal) => {
    if (held !== undefined && Date.now() < (held.expiresAt ?? Number.POSITIVE_INFINITY) - early) return held;
    const before = held;
    asking ??= ask(identity, signal).finally(() => (asking = undefined));
    try {
      held = await asking;
    } catch (error) {
      if (before?.expiresAt === undefined || Date.now() >= before.expiresAt) throw error;
      return before;
    }
    return held;
  };
}

async function ask(identity: AwsIdentity, signal: AbortSignal): Promise<AwsCredentials> {
  const { environment } = identity;
  const [id, secret] = [environment['AWS_ACCESS_KEY_ID'], environment['AWS_SECRET_ACCESS_KEY']];
  if (isSet(id) && isSet(secret))
    return { accessKeyId: id, secretAccessKey: secret, sessionToken: environment['AWS_SESSION_TOKEN'] || undefined };
  const [file, role] = [environment['AWS_WEB_IDENTITY_TOKEN_FILE'], environment['AWS_ROLE_ARN']];
  if (isSet(file) && isSet(role)) return await askSts(identity, file, role, signal);
  const relative = environment['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'];
  if (isSet(relative)) return await askContainer(identity, `http://169.254.170.2${relative}`, signal);
  const full = environment['AWS_CONTAINER_CREDENTIALS_FULL_URI'];
  if (isSet(full)) return await askContainer(identity, full, signal);
  throw problem(
    'INVALID_CONFIG',
    'no AWS credentials: neither keys in the environment, nor a web identity, nor a container endpoint; pass `credentials`',
  );
}

/** Not signed: the token of the service account is the proof. */
async function askSts(identity: AwsIdentity, file: string, role: string, signal: AbortSignal): Promise<AwsCredentials> {
  const { region, environment, fetch, stsEndpoint = `https://sts.${region}.${domainOf(region)}` } = identity;
  const name = 'AWS STS';
  const body = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: role,
    RoleSessionName: environment['AWS_ROLE_SESSION_NAME'] || `keybaton-${String(Date.now())}`,
    WebIdentityToken: await readTokenFile(file),
  }).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await callStore({ url: `${stsEndpoint}/`, method: 'POST', headers, body, signal, fetch, name });
  if (answer.status !== 200) throw refusalOf(name, answer, 'does the role trust this web identity?');
  const told = (field: string): unknown => new RegExp(`<${field}>([^<]+)</${field}>`).exec(answer.text)?.[1];
  return credentialsFrom(name, {
    id: told('AccessKeyId'),
    secret: told('SecretAccessKey'),
    session: told('SessionToken'),
    expires: told('Expiration'),
  });
}

async function askContainer(identity: AwsIdentity, address: string, signal: AbortSignal): Promise<AwsCredentials> {
  const { environment, fetch } = identity;
  const name = "the container's credential endpoint";
  const url = new URL(address);
  if (url.protocol !== 'https:' && !linkLocal.includes(url.hostname))
    throw problem('INVALID_CONFIG', `${name} is at a host that AWS does not use over plain HTTP`);
  const file = environment['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'];
  const token = isSet(file) ? await readTokenFile(file) : environment['AWS_CONTAINER_AUTHORIZATION_TOKEN'];
  const headers: Record<string, string> = isSet(token) ? { authorization: token } : {};
  const answer = await callStore({ url: url.href, method: 'GET', headers, signal, fetch, name });
  if (answer.status !== 200) throw refusalOf(name, answer);
  const told = jsonOf(name, answer.text);
  const { AccessKeyId: id, SecretAccessKey: secret, Token: session, Expiration: expires } = isRecord(told) ? told : {};
  return credentialsFrom(name, { id, secret, session, expires });
}

function credentialsFrom(
  name: string,
  { id, secret, session, expires }: Readonly<Record<'id' | 'secret' | 'session' | 'expires', unknown>>,
): AwsCredentials {
  const expiresAt = typeof expires === 'string' ? Date.parse(expires) : Number.NaN;
  if (typeof id !== 'string' || typeof secret !== 'string' || typeof session !== 'string' || Number.isNaN(expiresAt))
    throw problem('NO_ANSWER', `${name} answered something that is no credentials`);
  return { accessKeyId: id, secretAccessKey: secret, sessionToken: session, expiresAt };
}

/** China is a partition with a domain of its own. */
export function domainOf(region: string): string {
  return region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
}

const isSet = (text: string | undefined): text is string => text !== undefined && text !== '';
