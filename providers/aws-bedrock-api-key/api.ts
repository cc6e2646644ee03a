/**
 * Service-specific credentials of IAM, as much of them as Bedrock's long-term keys need: one function per action.
 * https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceSpecificCredential.html and its neighbours
 */
import {
  CreateServiceSpecificCredentialCommand,
  DeleteServiceSpecificCredentialCommand,
  IAMClient,
  ListServiceSpecificCredentialsCommand,
  UpdateServiceSpecificCredentialCommand,
} from '@aws-sdk/client-iam';
import { KeybatonError } from '../../domain/errors.ts';
import { awsClientOptions, awsSend } from '../../outbound/aws-call.ts';
import { failureWithoutAnswer } from '../../outbound/http-failure.ts';
import type { Call, Target } from '../provider.ts';
import type { AwsBedrockSettings } from './settings.ts';

export interface BedrockKey {
  readonly id: string;
  readonly active: boolean;
  readonly alias: string | undefined;
  readonly createdAt: number | undefined;
}

export type BedrockApi = Awaited<ReturnType<typeof bedrockApi>>;

const service = 'bedrock.amazonaws.com';
const mostPages = 100;

export async function bedrockApi(target: Target<AwsBedrockSettings>, call: Call) {
  const { settings } = target;
  const { user, region, iamUrl: endpoint, callTimeout: timeout } = settings;
  const credentials = (await target.admin()).reveal();
  // A client is used up by one call: nothing of it, credentials among it, outlives that.
  const iam = () => new IAMClient(awsClientOptions({ region, endpoint, timeout, credentials }));
  const timed = { ...call, now: () => call.now(), timeout };

  return {
    /** Every key of the user for Bedrock, inactive ones among them. NOT_FOUND: no such user. */
    async keys(): Promise<readonly BedrockKey[]> {
      const found: BedrockKey[] = [];
      let marker: string | undefined;
      for (let page = 0; page < mostPages; page += 1) {
        const asked = { what: `listing the Bedrock keys of ${user}`, mayHaveHappened: false };
        const command = new ListServiceSpecificCredentialsCommand({
          UserName: user,
          ServiceName: service,
          ...(marker !== undefined && { Marker: marker }),
        });
        const answer = await awsSend(iam(), (one, options) => one.send(command, options), timed, asked);
        if ('refusal' in answer || answer.ServiceSpecificCredentials === undefined) throw unreadable(asked);
        for (const one of answer.ServiceSpecificCredentials) {
          if (one.ServiceSpecificCredentialId === undefined) throw unreadable(asked);
          found.push({
            id: one.ServiceSpecificCredentialId,
            active: one.Status === 'Active',
            alias: one.ServiceCredentialAlias,
            createdAt: one.CreateDate?.getTime(),
          });
        }
        if (answer.IsTruncated !== true) return found;
        marker = answer.Marker;
        if (marker === undefined) break;
      }
      throw new KeybatonError('UNAVAILABLE', `the list of Bedrock keys of ${user} does not come to an end`);
    },

    async create(days: number | undefined) {
      const command = new CreateServiceSpecificCredentialCommand({
        UserName: user,
        ServiceName: service,
        ...(days !== undefined && { CredentialAgeDays: days }),
      });
      const asked = { what: `making a Bedrock key for ${user}`, mayHaveHappened: true };
      const answer = await awsSend(iam(), (one, options) => one.send(command, options), timed, asked);
      const made = 'refusal' in answer ? undefined : answer.ServiceSpecificCredential;
      if (!made?.ServiceSpecificCredentialId || !made.ServiceCredentialSecret) throw unreadable(asked);
      const { ServiceSpecificCredentialId: id, ServiceCredentialSecret: secret, ExpirationDate: expires } = made;
      return { id, secret, expiresAt: expires?.getTime() };
    },

    /** `unknown`: IAM knows no such key of this user. */
    async setActive(id: string, active: boolean): Promise<'set' | 'unknown'> {
      const command = new UpdateServiceSpecificCredentialCommand({
        UserName: user,
        ServiceSpecificCredentialId: id,
        Status: active ? 'Active' : 'Inactive',
      });
      const asked = { what: `setting the status of Bedrock key ${id}`, mayHaveHappened: true, expect: [noSuch] };
      const answer = await awsSend(iam(), (one, options) => one.send(command, options), timed, asked);
      return 'refusal' in answer ? 'unknown' : 'set';
    },

    async remove(id: string): Promise<'removed' | 'unknown'> {
      const command = new DeleteServiceSpecificCredentialCommand({ UserName: user, ServiceSpecificCredentialId: id });
      const asked = { what: `deleting Bedrock key ${id}`, mayHaveHappened: true, expect: [noSuch] };
      const answer = await awsSend(iam(), (one, options) => one.send(command, options), timed, asked);
      return 'refusal' in answer ? 'unknown' : 'removed';
    },
  };
}

const noSuch = 'NoSuchEntity';

const unreadable = (asked: { readonly what: string; readonly mayHaveHappened: boolean }): KeybatonError =>
  failureWithoutAnswer('answered in a shape we do not know', asked);
