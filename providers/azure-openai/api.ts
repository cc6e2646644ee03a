/**
 * Azure Resource Manager, as much of it as the two keys of an account need: one function per call.
 * https://learn.microsoft.com/en-us/rest/api/aiservices/accountmanagement/accounts (2025-09-01),
 * https://learn.microsoft.com/en-us/rest/api/resources/tags (2021-04-01)
 */
import { z } from 'zod';
import { shapedAs } from '../../outbound/answer-shape.ts';
import { failureWithoutAnswer } from '../../outbound/http-failure.ts';
import { httpClient, type HttpAnswer, type HttpRequest } from '../../outbound/http-client.ts';
import { pathPart } from '../../outbound/path-part.ts';
import type { Call, Target } from '../provider.ts';
import type { AzureOpenAiSettings } from './settings.ts';

const keys = z.object({ key1: z.string().min(8), key2: z.string().min(8) });
const account = z.object({ properties: z.object({ disableLocalAuth: z.boolean().nullish() }) });
const tagged = z.object({ properties: z.object({ tags: z.record(z.string(), z.string()).nullish() }) });
const accountsVersion = '2025-09-01';
const tagsVersion = '2021-04-01';

export const slotNames = ['Key1', 'Key2'] as const;
export type SlotName = (typeof slotNames)[number];
export type SlotValues = Readonly<Record<SlotName, string>>;

export type AzureApi = Awaited<ReturnType<typeof azureApi>>;

export function accountPath({ subscription, resourceGroup, account: name }: AzureOpenAiSettings): string {
  const group = `/subscriptions/${subscription}/resourceGroups/${pathPart(resourceGroup)}`;
  return `${group}/providers/Microsoft.CognitiveServices/accounts/${pathPart(name)}`;
}

export async function azureApi(target: Target<AzureOpenAiSettings>, call: Call) {
  const { settings } = target;
  const path = accountPath(settings);
  const tagsPath = `${path}/providers/Microsoft.Resources/tags/default`;
  const client = httpClient({ baseUrl: settings.managementUrl, timeout: settings.callTimeout });
  const headers = { authorization: `Bearer ${await token(target, call)}` };
  const timed = { signal: call.signal, deadline: call.deadline, now: () => call.now() };
  let theirClock: number | undefined;

  const send = async (request: HttpRequest): Promise<HttpAnswer> => {
    const answer = await client.request({ ...request, headers, ...timed });
    theirClock = answer.date ?? theirClock;
    return answer;
  };
  const valuesOf = (answer: HttpAnswer, what: string, mayHaveHappened: boolean): SlotValues => {
    const { key1, key2 } = shapedAs(keys, answer, { what, mayHaveHappened });
    return { Key1: key1, Key2: key2 };
  };

  return {
    /** The vendor's clock as its newest answer told it, else ours: epoch milliseconds. */
    clock: (): number => theirClock ?? call.now(),

    /** Are keys of this account refused altogether? */
    async keysAreOff(): Promise<boolean> {
      const answer = await send({ method: 'GET', path, query: { 'api-version': accountsVersion } });
      const { properties } = shapedAs(account, answer, { what: 'reading the account', mayHaveHappened: false });
      return properties.disableLocalAuth === true;
    },

    /** Refuses every key of the account from now on, whatever its slots hold. Again is harmless. */
    async switchKeysOff(): Promise<void> {
      const body = { properties: { disableLocalAuth: true } };
      const answer = await send({ method: 'PATCH', path, query: { 'api-version': accountsVersion }, body });
      const asked = { what: 'switching the keys off', mayHaveHappened: true };
      if (shapedAs(account, answer, asked).properties.disableLocalAuth !== true)
        throw failureWithoutAnswer('did not say that keys are refused', asked);
    },

    async values(): Promise<SlotValues> {
      const query = { 'api-version': accountsVersion };
      const answer = await send({ method: 'POST', path: `${path}/listKeys`, query, mayHaveHappened: false });
      return valuesOf(answer, 'listing the keys', false);
    },

    /** Kills what the slot holds at once, and answers what both hold now. */
    async regenerate(slot: SlotName): Promise<SlotValues> {
      const query = { 'api-version': accountsVersion };
      const body = { keyName: slot };
      return valuesOf(await send({ method: 'POST', path: `${path}/regenerateKey`, query, body }), `regenerating`, true);
    },

    async tags(): Promise<Readonly<Record<string, string>>> {
      const answer = await send({ method: 'GET', path: tagsPath, query: { 'api-version': tagsVersion } });
      return shapedAs(tagged, answer, { what: 'reading the tags', mayHaveHappened: false }).properties.tags ?? {};
    },

    /** Sets one tag and leaves the others alone. Without effect on any key, so again is harmless. */
    async setTag(name: string, value: string): Promise<void> {
      const body = { operation: 'Merge', properties: { tags: { [name]: value } } };
      const query = { 'api-version': tagsVersion };
      await send({ method: 'PATCH', path: tagsPath, query, body, mayHaveHappened: false });
    },
  };
}

/** https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow */
async function token(target: Target<AzureOpenAiSettings>, call: Call): Promise<string> {
  const { settings } = target;
  const client = httpClient({ baseUrl: settings.loginUrl, timeout: settings.callTimeout });
  const answer = await client.request({
    method: 'POST',
    path: `/${settings.tenant}/oauth2/v2.0/token`,
    form: {
      grant_type: 'client_credentials',
      client_id: settings.client,
      client_secret: (await target.admin()).revealValue(),
      scope: 'https://management.azure.com/.default',
    },
    mayHaveHappened: false,
    signal: call.signal,
    deadline: call.deadline,
    now: () => call.now(),
  });
  const asked = { what: 'signing in', mayHaveHappened: false };
  return shapedAs(z.object({ access_token: z.string().min(1) }), answer, asked).access_token;
}
