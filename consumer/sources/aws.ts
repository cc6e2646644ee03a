import { isRecord } from '../api.ts';
import { problem } from '../problem.ts';
import { storedFromText } from '../source.ts';
import type { Source, Stored } from '../source.ts';
import { domainOf, findCredentials } from './aws-credentials.ts';
import { signed } from './aws-signature.ts';
import type { AwsCredentials } from './aws-signature.ts';
import { callStore, jsonOf, refusalOf } from './http.ts';

export type { AwsCredentials } from './aws-signature.ts';

export interface AwsOptions {
  /** `AWS_REGION` or `AWS_DEFAULT_REGION`, unless told. */
  readonly region?: string;
  /** The name or ARN of the entry's secret. */
  readonly secretId: string;
  /** Asked for each reading; by default keys of the environment, a web identity, or the container's endpoint. */
  readonly credentials?: () => AwsCredentials | Promise<AwsCredentials>;
  /** For private endpoints and tests. */
  readonly endpoint?: string;
  readonly stsEndpoint?: string;
  readonly fetch?: typeof globalThis.fetch;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** What AWS calls errors: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html */
const codes: Readonly<Record<string, string>> = {
  ResourceNotFoundException: 'NOT_FOUND',
  AccessDeniedException: 'ACCESS_DENIED',
  UnrecognizedClientException: 'ACCESS_DENIED',
  InvalidSignatureException: 'ACCESS_DENIED',
  ExpiredTokenException: 'ACCESS_DENIED',
  ThrottlingException: 'RATE_LIMITED',
};

/** AWS Secrets Manager: `secretsmanager:GetSecretValue` on the entry's secret is all it needs. */
export function awsSecretsManager(options: AwsOptions): Source {
  const { secretId, fetch = globalThis.fetch, environment = process.env } = options;
  const region = options.region ?? environment['AWS_REGION'] ?? environment['AWS_DEFAULT_REGION'] ?? '';
  if (region === '') throw problem('INVALID_CONFIG', 'no AWS region: pass it or set AWS_REGION');
  const name = `AWS Secrets Manager at ${secretId}`;
  const url = new URL(options.endpoint ?? `https://secretsmanager.${region}.${domainOf(region)}`);
  const found = findCredentials({ region, environment, fetch, stsEndpoint: options.stsEndpoint });
  const { credentials: given } = options;

  async function read(label: 'AWSCURRENT' | 'AWSPREVIOUS', signal: AbortSignal): Promise<Stored> {
    const headers = {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'secretsmanager.GetSecretValue',
    };
    const body = JSON.stringify({ SecretId: secretId, VersionStage: label });
    const credentials = given === undefined ? await found(signal) : await given();
    const request = { method: 'POST' as const, url, headers, body, region, service: 'secretsmanager', credentials };
    const { host: _host, ...sent } = signed({ ...request, at: Date.now() });
    const answer = await callStore({ url: url.href, method: 'POST', headers: sent, body, signal, fetch, name });
    if (answer.status !== 200) throw failure(answer);
    const told = jsonOf(name, answer.text);
    const text = isRecord(told) ? told['SecretString'] : undefined;
    const stored = typeof text === 'string' ? storedFromText(text) : undefined;
    if (stored === undefined) throw problem('INVALID_CONFIG', `${name} holds no JSON object`);
    return stored;
  }

  function failure(answer: Parameters<typeof refusalOf>[1]): Error {
    const type = (storedFromText(answer.text)?.['__type'] ?? '').replace(/^.*#/, '');
    const code = codes[type];
    if (code === undefined || answer.status >= 500) return refusalOf(name, answer);
    return problem(code, `${name} answered ${type}`, answer.status, answer.retryAfter);
  }

  return {
    name,
    current: (signal) => read('AWSCURRENT', signal),
    async before(version, signal) {
      const stored = await read('AWSPREVIOUS', signal);
      if (stored['keybaton_version'] === version) return stored;
      throw problem('NOT_FOUND', `${name} does not show the earlier version any more`);
    },
  };
}
