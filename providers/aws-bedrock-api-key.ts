/**
 * Bedrock's long-term API keys, which are service-specific credentials of one IAM user. What the vendor can and cannot do:
 * `docs/providers/aws-bedrock-api-key.md`.
 */
import { z } from 'zod';
import { KeybatonError } from '../domain/errors.ts';
import type { Ref } from '../domain/facts.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import { shapedAs } from '../outbound/answer-shape.ts';
import { failureWithoutAnswer } from '../outbound/http-failure.ts';
import { httpClient } from '../outbound/http-client.ts';
import { bedrockApi, type BedrockApi } from './aws-bedrock-api-key/api.ts';
import { awsBedrockSettings, type AwsBedrockSettings } from './aws-bedrock-api-key/settings.ts';
import type { Call, Provider, Target, Verdict } from './provider.ts';

type Abilities = Required<Pick<Provider<AwsBedrockSettings>, 'issue' | 'suspend' | 'resume'>>;

/** AWS's own quota, for each service of each user. */
const mostKeys = 2;
const day = 86_400_000;

export function awsBedrockApiKey(): Provider<AwsBedrockSettings> & Abilities {
  return {
    name: 'aws-bedrock-api-key',
    settingsSchema: awsBedrockSettings,
    material: { fields: ['api_key'], value: 'api_key', pattern: /^ABSK[A-Za-z0-9+/]{109,269}={0,2}$/ },

    traits: ({ createSpread, revokeSpread, lateCreate, callTimeout }) => ({
      topology: 'n-keys',
      maxLive: mostKeys,
      // Neither name nor tag nor token of ours: what the list did not show before is what was made.
      createIdempotency: 'list-diff',
      ...{ createSpread, revokeSpread, lateCreate, callTimeout },
      // IAM tells no last use of these.
      usage: undefined,
      tagged: false,
      expiry: true,
    }),

    advice: () => ({
      keyless: {
        by: 'an IAM role of their compute, or short-term keys made from it where they are used; AWS advises long-term keys for exploration alone',
        page: 'https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-how.html',
      },
    }),

    async preflight(target, _request, call) {
      const keys = await (await bedrockApi(target, call)).keys();
      if (keys.length >= mostKeys) {
        const named = keys.map(({ id, active }) => `${id}${active ? '' : ' (inactive)'}`).join(' and ');
        throw new KeybatonError(
          'CAPACITY_EXHAUSTED',
          `user ${target.settings.user} has ${named}, and AWS allows ${mostKeys}: delete the one that nobody uses; keybaton never guesses which`,
        );
      }
      return { place: target.settings.user, live: keys.map(({ id }) => id), at: call.now() };
    },

    async issue(target, { place, expiresAt }, call) {
      if (place !== target.settings.user)
        throw new KeybatonError('CONFLICT', `${target.name} points elsewhere than when the rotation was planned`);
      const days = expiresAt === undefined ? undefined : daysUntil(expiresAt, call);
      const made = await (await bedrockApi(target, call)).create(days);
      return {
        ref: { id: made.id },
        material: new SecretMaterial({ api_key: made.secret }, 'api_key'),
        ...(made.expiresAt !== undefined && { expiresAt: made.expiresAt }),
      };
    },

    verify,

    async suspend(target, ref, call) {
      const api = await bedrockApi(target, call);
      if ((await api.setActive(ref.id, false)) === 'unknown') await sureGone(api, ref);
    },

    async resume(target, ref, call) {
      const api = await bedrockApi(target, call);
      if ((await api.setActive(ref.id, true)) === 'set') return;
      await sureGone(api, ref);
      throw new KeybatonError('NOT_FOUND', `Bedrock key ${ref.id} is gone`);
    },

    async revoke(target, ref, call) {
      const api = await bedrockApi(target, call);
      if ((await api.remove(ref.id)) === 'unknown') await sureGone(api, ref);
    },

    list: async (target, call) =>
      (await (await bedrockApi(target, call)).keys()).map(({ id, active, alias, createdAt }) => ({
        ref: { id },
        disabled: !active,
        ...(createdAt !== undefined && { createdAt }),
        ...(alias !== undefined && { hint: alias }),
      })),

    killByHand: ({ settings: { user } }, ref) => {
      const named = `--user-name '${user}' --service-specific-credential-id '${ref.id.replace(/[^\w-]/g, '')}'`;
      return [
        `Bedrock key ${ref.id} of user ${user}: https://console.aws.amazon.com/iam/home#/users/details/${user}, or:`,
        `aws iam update-service-specific-credential ${named} --status Inactive`,
        `aws iam delete-service-specific-credential ${named}`,
      ].join('\n');
    },
  };
}

const told = z.union([
  z.object({ Message: z.string() }).transform(({ Message }) => Message),
  z.object({ message: z.string() }).transform(({ message }) => message),
]);

/** Bedrock answers 403 to everything it does not like: only its words tell a bad key from a good one that may not list. */
async function verify(
  { settings }: Target<AwsBedrockSettings>,
  material: SecretMaterial,
  call: Call,
): Promise<Verdict> {
  const client = httpClient({
    baseUrl: settings.bedrockUrl ?? `https://bedrock.${settings.region}.amazonaws.com`,
    timeout: settings.callTimeout,
  });
  const answer = await client.request({
    method: 'GET',
    path: '/foundation-models',
    headers: { authorization: `Bearer ${material.revealValue()}` },
    expect: [401, 403],
    signal: call.signal,
    deadline: call.deadline,
    now: () => call.now(),
  });
  const asked = { what: 'GET /foundation-models', mayHaveHappened: false };
  if (answer.status === 401 || answer.status === 403) {
    const text = shapedAs(told, answer, asked);
    if (/is not authorized to perform/.test(text)) return 'forbidden';
    if (/^Authentication failed|^Invalid API Key|security token .* (invalid|expired)/i.test(text)) return 'refused';
    throw failureWithoutAnswer(`answered ${answer.status} in words that say nothing of the key`, asked);
  }
  shapedAs(z.object({ modelSummaries: z.array(z.unknown()) }), answer, asked);
  return 'accepted';
}

/** Whole days, 1 to 36600 as AWS wants them, never less than was asked for. */
function daysUntil(expiresAt: number, call: Call): number {
  const days = Math.ceil((expiresAt - call.now()) / day);
  if (days < 1) throw new KeybatonError('INVALID_CONFIG', 'an expiry must lie ahead');
  return Math.min(days, 36_600);
}

/** "No such key" is also what a list answers that lags behind: gone only when the list agrees. */
async function sureGone(api: BedrockApi, ref: Ref): Promise<void> {
  if (!(await api.keys()).some(({ id }) => id === ref.id)) return;
  throw new KeybatonError('UNAVAILABLE', `Bedrock key ${ref.id} is listed and yet unknown: ask again`);
}
