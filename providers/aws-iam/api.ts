/**
 * IAM and STS, as much of them as access keys need: one function per action.
 * https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html and its neighbours
 */
import {
  CreateAccessKeyCommand,
  DeleteAccessKeyCommand,
  GetAccessKeyLastUsedCommand,
  IAMClient,
  ListAccessKeysCommand,
  UpdateAccessKeyCommand,
} from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { KeybatonError } from '../../domain/errors.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import { awsClientOptions, awsSend } from '../../outbound/aws-call.ts';
import { failureWithoutAnswer } from '../../outbound/http-failure.ts';
import type { Call, Target, Verdict } from '../provider.ts';
import type { AwsIamSettings } from './settings.ts';

export interface AccessKey {
  readonly id: string;
  readonly active: boolean;
  readonly createdAt: number | undefined;
}

export type AwsIamApi = Awaited<ReturnType<typeof awsIamApi>>;

const mostPages = 100;

export async function awsIamApi(target: Target<AwsIamSettings>, call: Call) {
  const { settings } = target;
  const { user } = settings;
  const credentials = (await target.admin()).reveal();
  // A client is used up by one call: nothing of it, credentials among it, outlives that.
  const iam = () =>
    new IAMClient(
      awsClientOptions({
        region: settings.region,
        endpoint: settings.iamUrl,
        timeout: settings.callTimeout,
        credentials,
      }),
    );
  const timed = { ...call, now: () => call.now(), timeout: settings.callTimeout };

  return {
    /** Every key of the user, inactive ones among them. NOT_FOUND: no such user. */
    async keys(): Promise<readonly AccessKey[]> {
      const found: AccessKey[] = [];
      let marker: string | undefined;
      for (let page = 0; page < mostPages; page += 1) {
        const asked = { what: `listing the access keys of ${user}`, mayHaveHappened: false };
        const command = new ListAccessKeysCommand({ UserName: user, ...(marker !== undefined && { Marker: marker }) });
        const answer = await awsSend(iam(), (one, options) => one.send(command, options), timed, asked);
        if ('refusal' in answer || answer.AccessKeyMetadata === undefined) throw unreadable(asked);
        for (const { AccessKeyId: id, Status: status, CreateDate: created } of answer.AccessKeyMetadata) {
          if (id === undefined) throw unreadable(asked);
          found.push({ id, active: status === 'Active', createdAt: created?.getTime() });
        }
        if (answer.IsTruncated !== true) return found;
        marker = answer.Marker;
        if (marker === undefined) break;
      }
      throw new KeybatonError('UNAVAILABLE', `the list of access keys of ${user} does not come to an end`);
    },

    async create(): Promise<{ readonly id: string; readonly secret: string }> {
      const asked = { what: `making an access key for ${user}`, mayHaveHappened: true };
      const command = new CreateAccessKeyCommand({ UserName: user });
      const answer = await awsSend(iam(), (one, options) => one.send(command, options), timed, asked);
      const made = 'refusal' in answer ? undefined : answer.AccessKey;
      if (!made?.AccessKeyId || !made.SecretAccessKey) throw unreadable(asked);
      return { id: made.AccessKeyId, secret: made.SecretAccessKey };
    },

    /** `unknown`: IAM knows no such key of this user. */
    async setActive(id: string, active: boolean): Promise<'set' | 'unknown'> {
      const command = new UpdateAccessKeyCommand({
        UserName: user,
        AccessKeyId: id,
        Status: active ? 'Active' : 'Inactive',
      });
      const asked = { what: `setting the status of access key ${id}`, mayHaveHappened: true, expect: [noSuch] };
      return 'refusal' in (await awsSend(iam(), (one, options) => one.send(command, options), timed, asked))
        ? 'unknown'
        : 'set';
    },

    async remove(id: string): Promise<'removed' | 'unknown'> {
      const command = new DeleteAccessKeyCommand({ UserName: user, AccessKeyId: id });
      const asked = { what: `deleting access key ${id}`, mayHaveHappened: true, expect: [noSuch] };
      return 'refusal' in (await awsSend(iam(), (one, options) => one.send(command, options), timed, asked))
        ? 'unknown'
        : 'removed';
    },

    /** Epoch milliseconds; undefined: never. NOT_FOUND for a key that is gone. */
    async lastUsed(id: string): Promise<number | undefined> {
      const asked = { what: `asking for the last use of access key ${id}`, mayHaveHappened: false };
      const command = new GetAccessKeyLastUsedCommand({ AccessKeyId: id });
      const answer = await awsSend(iam(), (one, options) => one.send(command, options), timed, asked);
      if ('refusal' in answer || answer.AccessKeyLastUsed === undefined) throw unreadable(asked);
      if (answer.UserName !== user)
        throw new KeybatonError('CONFLICT', `access key ${id} belongs to another user than ${user}`);
      return answer.AccessKeyLastUsed.LastUsedDate?.getTime();
    },
  };
}

/** Asks STS whose key it is, which needs no permission at all. */
export async function askSts(
  { settings }: Target<AwsIamSettings>,
  material: SecretMaterial,
  call: Call,
): Promise<Verdict> {
  const client = new STSClient(
    awsClientOptions({
      region: settings.region,
      endpoint: settings.stsUrl,
      timeout: settings.callTimeout,
      credentials: material.reveal(),
    }),
  );
  const asked = { what: 'asking whose access key it is', mayHaveHappened: false };
  const expect = [...refusals, 'AccessDenied'];
  const timed = { ...call, now: () => call.now(), timeout: settings.callTimeout };
  const command = new GetCallerIdentityCommand({});
  const send = (one: STSClient, options: { readonly abortSignal: AbortSignal }) => one.send(command, options);
  const answer = await awsSend(client, send, timed, { ...asked, expect });
  if (!('refusal' in answer)) {
    if (answer.Arn === undefined) throw unreadable(asked);
    return 'accepted';
  }
  if (answer.refusal === 'AccessDenied') return 'forbidden';
  // Its other meaning is a clock that is wrong, which says nothing of the key.
  if (/^Signature (expired|not yet current)/.test(answer.text))
    throw new KeybatonError('UNAVAILABLE', 'AWS refuses our clock: set it by NTP');
  return 'refused';
}

const noSuch = 'NoSuchEntity';
const refusals = ['InvalidClientTokenId', 'SignatureDoesNotMatch', 'UnrecognizedClient'];

const unreadable = (asked: { readonly what: string; readonly mayHaveHappened: boolean }): KeybatonError =>
  failureWithoutAnswer('answered in a shape we do not know', asked);
