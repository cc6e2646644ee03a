/**
 * Azure OpenAI and the other Azure AI services: the two keys of one account take turns. What the vendor can and cannot do:
 * `docs/providers/azure-openai.md`.
 */
import { z } from 'zod';
import { KeybatonError } from '../domain/errors.ts';
import type { Ref } from '../domain/facts.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import { versionTag, type VersionTag } from '../domain/version-tag.ts';
import { failureWithoutAnswer } from '../outbound/http-failure.ts';
import { httpClient } from '../outbound/http-client.ts';
import { shapedAs } from '../outbound/answer-shape.ts';
import { accountPath, azureApi, type AzureApi } from './azure-openai/api.ts';
import { azureKillSwitches, listedSlots } from './azure-openai/kill-switches.ts';
import { azureOpenAiSettings, type AzureOpenAiSettings } from './azure-openai/settings.ts';
import { freeSlot, markOf, readSlot, readSlots, unmarked, write, type Slot } from './azure-openai/slots.ts';
import type { Call, Provider, Target } from './provider.ts';

type AzureTarget = Target<AzureOpenAiSettings>;
type Abilities = Required<Pick<Provider<AzureOpenAiSettings>, 'issue' | 'recover' | 'adopt' | 'killSwitches'>>;

export function azureOpenAi(): Provider<AzureOpenAiSettings> & Abilities {
  return {
    name: 'azure-openai',
    settingsSchema: azureOpenAiSettings,
    material: { fields: ['api_key'], value: 'api_key', pattern: /^(?:[0-9a-f]{32}|[A-Za-z0-9]{84})$/ },

    traits: ({ createSpread, revokeSpread, lateCreate, callTimeout }) => ({
      topology: 'dual-slot',
      maxLive: 2,
      createIdempotency: 'slot-overwrite',
      ...{ createSpread, revokeSpread, lateCreate, callTimeout },
      // Metrics and logs are per account: nothing tells the two keys apart.
      usage: undefined,
      tagged: true,
      expiry: false,
    }),

    advice: ({ subscription, resourceGroup, account }) => ({
      keyless: {
        by: 'Microsoft Entra ID: a managed identity with the role Cognitive Services OpenAI User',
        page: 'https://learn.microsoft.com/en-us/azure/developer/ai/keyless-connections',
      },
      place: `account ${subscription}/${resourceGroup}/${account}`.toLowerCase(),
    }),

    async preflight(target, request, call) {
      const api = await azureApi(target, call);
      if (await api.keysAreOff()) {
        throw new KeybatonError(
          'INVALID_CONFIG',
          `keys of ${target.settings.account} are switched off (disableLocalAuth): switch them on when the emergency is over`,
        );
      }
      const slots = await readSlots(target, api);
      const { name, written } = freeSlot(target, slots, request);
      return {
        place: name,
        ...(written !== undefined && { replaces: written }),
        live: slots.filter(({ standing }) => standing !== 'empty').map((slot) => slot.name),
        at: api.clock(),
      };
    },

    async issue(target, request, call) {
      const api = await azureApi(target, call);
      const slot = await readSlot(target, api, request.place);
      const own = { installation: target.installation, version: request.version };
      const ref: Ref = { id: slot.name, mark: versionTag(own.installation, own.version) };
      if (markOf(slot) === ref.mark) {
        // Made by an earlier call: the vendor shows its value again.
        if (slot.standing === 'holds') return { ref, material: await settled(target, api, slot, own) };
        if (!slot.written?.endsWith(':making'))
          throw new KeybatonError('CONFLICT', `version ${request.version} has been revoked in ${slot.name}`);
      } else if (slot.written !== request.replaces || slot.standing === 'unmarked') {
        throw new KeybatonError('CONFLICT', `${slot.name} is not as it was when the rotation was planned`);
      }
      await write(target, api, slot, own, 'making');
      const value = (await api.regenerate(slot.name))[slot.name];
      return { ref, material: await settled(target, api, { ...slot, value }, own) };
    },

    async recover(target, ref, call) {
      const slot = await readSlot(target, await azureApi(target, call), ref.id);
      if (slot.standing === 'holds' && markOf(slot) === ref.mark) return materialOf(slot.value);
      throw new KeybatonError('NOT_FOUND', `${ref.id} does not hold this version any more`);
    },

    /** Hands over a key that works already: the slot with just this value is marked. */
    async adopt(target, { version, material, known }, call) {
      const api = await azureApi(target, call);
      const slot = (await readSlots(target, api)).find(({ value }) => value === material.revealValue());
      const mark = versionTag(target.installation, version);
      const free = slot?.standing === 'unmarked' || (slot !== undefined && markOf(slot) === mark);
      if (slot === undefined || !free || known.some((ref) => ref.id === slot.name && ref.mark === markOf(slot))) {
        throw new KeybatonError(
          'VERIFICATION_FAILED',
          `neither key of ${target.settings.account} that is nobody's yet is the one supplied`,
        );
      }
      await write(target, api, slot, { installation: target.installation, version }, 'holds');
      return { ref: { id: slot.name, mark }, material };
    },

    verify: (target, material, call) => verify(target, material, call),

    async revoke(target, ref, call) {
      const api = await azureApi(target, call);
      const slot = await readSlot(target, api, ref.id);
      if (slot.standing === 'unmarked' || slot.installation !== target.installation || slot.version === undefined)
        throw unmarked(target, slot.name);
      if (markOf(slot) !== ref.mark || slot.standing === 'empty') return;
      const own = { installation: slot.installation, version: slot.version };
      await write(target, api, slot, own, 'ending');
      // Seen by this call alone, and forgotten with it: nobody is ever given the new value.
      const value = (await api.regenerate(slot.name))[slot.name];
      // Without this the slot counts as empty all the same: `ending` speaks of a value that is not there any more.
      await write(target, api, { name: slot.name, value }, own, 'dead').catch(() => undefined);
    },

    list: async (target, call) => listedSlots(await readSlots(target, await azureApi(target, call))),

    killSwitches: azureKillSwitches,

    killByHand: ({ settings }, ref) => {
      const where = `--name ${settings.account} --resource-group '${settings.resourceGroup}' --subscription ${settings.subscription}`;
      return [
        `${ref.id} of account ${settings.account}: Keys and Endpoint in https://portal.azure.com, or, signed in with az:`,
        `az cognitiveservices account keys regenerate ${where} --key-name ${ref.id === 'Key2' ? 'Key2' : 'Key1'} --output none`,
        'if both keys leaked, or nobody knows which: refuse every key of the account at once (reversible; only Entra sign-in goes on):',
        `az resource update --ids '${accountPath(settings)}' --set properties.disableLocalAuth=true --output none`,
      ].join('\n');
    },
  };
}

const materialOf = (value: string): SecretMaterial => new SecretMaterial({ api_key: value }, 'api_key');

/** From here on the mark speaks of the value that stands there. */
async function settled(target: AzureTarget, api: AzureApi, slot: Slot, own: VersionTag): Promise<SecretMaterial> {
  await write(target, api, slot, own, 'holds');
  return materialOf(slot.value);
}

const error = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

async function verify({ settings }: AzureTarget, material: SecretMaterial, call: Call) {
  const client = httpClient({ baseUrl: settings.endpoint, timeout: settings.callTimeout });
  const answer = await client.request({
    method: 'GET',
    path: '/openai/models',
    query: { 'api-version': '2024-10-21' },
    headers: { 'api-key': material.revealValue() },
    expect: [401, 403],
    signal: call.signal,
    deadline: call.deadline,
    now: () => call.now(),
  });
  const asked = { what: 'GET /openai/models', mayHaveHappened: false };
  if (answer.status === 401) {
    shapedAs(error, answer, asked);
    return 'refused';
  }
  if (answer.status === 403) {
    // The firewall of the account answers 403 whatever the key is; only this word is about keys.
    if (shapedAs(error, answer, asked).error.code === 'AuthenticationTypeDisabled') return 'refused';
    throw failureWithoutAnswer('answered 403, which is a rule of the network and says nothing of the key', asked);
  }
  shapedAs(z.object({ data: z.array(z.unknown()) }), answer, asked);
  return 'accepted';
}
