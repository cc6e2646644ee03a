/** AWS IAM: access keys of one user, two at the most. What the vendor can and cannot do: `docs/providers/aws-iam.md`. */
import { KeybatonError } from '../domain/errors.ts';
import type { Ref } from '../domain/facts.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import { awsIamApi, askSts, type AwsIamApi } from './aws-iam/api.ts';
import { awsIamSettings, type AwsIamSettings } from './aws-iam/settings.ts';
import type { Provider } from './provider.ts';

type Abilities = Required<Pick<Provider<AwsIamSettings>, 'issue' | 'adopt' | 'suspend' | 'resume' | 'usage'>>;

/** AWS's own quota, which cannot be raised. */
const mostKeys = 2;

export function awsIam(): Provider<AwsIamSettings> & Abilities {
  return {
    name: 'aws-iam',
    settingsSchema: awsIamSettings,
    material: {
      fields: ['access_key_id', 'secret_access_key'],
      value: 'secret_access_key',
      pattern: /^[A-Za-z0-9/+]{40}$/,
    },

    traits: ({ createSpread, revokeSpread, lateCreate, usageLag, callTimeout }) => ({
      topology: 'n-keys',
      maxLive: mostKeys,
      // Neither name nor tag nor token of ours: what the list did not show before is what was made.
      createIdempotency: 'list-diff',
      ...{ createSpread, revokeSpread, lateCreate, callTimeout },
      // One second more: AWS tells whole seconds.
      usage: { kind: 'timestamp', lag: usageLag + 1_000 },
      tagged: false,
      expiry: false,
    }),

    advice: () => ({
      keyless: {
        by: 'an IAM role of their compute: the AWS SDK finds its short-lived credentials by itself',
        page: 'https://docs.aws.amazon.com/prescriptive-guidance/latest/aws-startup-security-baseline/wkld-01.html',
      },
    }),

    async preflight(target, _request, call) {
      const keys = await (await awsIamApi(target, call)).keys();
      if (keys.length >= mostKeys) {
        const named = keys.map(({ id, active }) => `${id}${active ? '' : ' (inactive)'}`).join(' and ');
        throw new KeybatonError(
          'CAPACITY_EXHAUSTED',
          `user ${target.settings.user} has ${named}, and AWS allows ${mostKeys}: delete the one that nobody uses; keybaton never guesses which`,
        );
      }
      return { place: target.settings.user, live: keys.map(({ id }) => id), at: call.now() };
    },

    async issue(target, request, call) {
      if (request.place !== target.settings.user)
        throw new KeybatonError('CONFLICT', `${target.name} points elsewhere than when the rotation was planned`);
      const { id, secret } = await (await awsIamApi(target, call)).create();
      return { ref: { id }, material: materialOf(id, secret) };
    },

    /** Hands over a key that exists: its id stands in the material, and must be one of this user's. */
    async adopt(target, { material, known }, call) {
      const id = material.reveal()['access_key_id'];
      const keys = await (await awsIamApi(target, call)).keys();
      const key = keys.find((one) => one.id === id && one.active);
      const working = key !== undefined && (await askSts(target, material, call)) !== 'refused';
      if (key === undefined || !working || known.some((ref) => ref.id === key.id)) {
        throw new KeybatonError(
          'VERIFICATION_FAILED',
          `what was supplied is no working access key of user ${target.settings.user} that is nobody's yet`,
        );
      }
      return { ref: { id: key.id }, material };
    },

    verify: askSts,

    async suspend(target, ref, call) {
      const api = await awsIamApi(target, call);
      if ((await api.setActive(ref.id, false)) === 'unknown') await sureGone(api, ref);
    },

    async resume(target, ref, call) {
      const api = await awsIamApi(target, call);
      if ((await api.setActive(ref.id, true)) === 'set') return;
      await sureGone(api, ref);
      throw new KeybatonError('NOT_FOUND', `access key ${ref.id} is gone`);
    },

    async revoke(target, ref, call) {
      const api = await awsIamApi(target, call);
      if ((await api.remove(ref.id)) === 'unknown') await sureGone(api, ref);
    },

    list: async (target, call) =>
      (await (await awsIamApi(target, call)).keys()).map(({ id, active, createdAt }) => ({
        ref: { id },
        disabled: !active,
        ...(createdAt !== undefined && { createdAt }),
      })),

    async usage(target, ref, call) {
      const lastUsed = await (await awsIamApi(target, call)).lastUsed(ref.id);
      if (lastUsed === undefined) return { kind: 'timestamp' };
      // The end of the second told, so that a use is never taken for an earlier one; never later than now.
      return { kind: 'timestamp', lastUsedAt: Math.max(lastUsed, Math.min(lastUsed + 999, call.now())) };
    },

    killByHand: ({ settings: { user } }, ref) =>
      [
        `access key ${ref.id} of user ${user}: https://console.aws.amazon.com/iam/home#/users/details/${user}, or:`,
        `aws iam update-access-key --user-name '${user}' --access-key-id '${shellSafe(ref.id)}' --status Inactive`,
        `aws iam delete-access-key --user-name '${user}' --access-key-id '${shellSafe(ref.id)}'`,
      ].join('\n'),
  };
}

const materialOf = (id: string, secret: string): SecretMaterial =>
  new SecretMaterial({ access_key_id: id, secret_access_key: secret }, 'secret_access_key');

/** "No such key" is also what a list answers that lags behind: gone only when the list agrees. */
async function sureGone(api: AwsIamApi, ref: Ref): Promise<void> {
  if (!(await api.keys()).some(({ id }) => id === ref.id)) return;
  throw new KeybatonError('UNAVAILABLE', `access key ${ref.id} is listed and yet unknown: ask again`);
}

/** Ids of AWS are letters and digits; anything else does not belong into a command line. */
const shellSafe = (id: string): string => id.replace(/[^\w-]/g, '');
