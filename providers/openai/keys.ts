/** Keys as we see them: whose they are, and how they die. */
import { codeOf, errorTable, KeybatonError } from '../../domain/errors.ts';
import type { Ref } from '../../domain/facts.ts';
import { parseVersionTag, versionTag } from '../../domain/version-tag.ts';
import type { Call, LiveCredential, Target } from '../provider.ts';
import type { ListedKey, OpenAiApi } from './api.ts';
import type { OpenAiSettings } from './settings.ts';

type OpenAiTarget = Target<OpenAiSettings>;

export const refOf = (key: ListedKey): Ref => ({
  id: key.id,
  ...(key.owner.service_account && { parent: key.owner.service_account.id }),
});

/** Where each version has its own account the tag is the account's name; the key in it has a name of the vendor's. */
const tagOf = (key: ListedKey) => parseVersionTag(key.name) ?? parseVersionTag(key.owner.service_account?.name ?? '');

export const isTagged = (key: ListedKey, tag: string): boolean => {
  const found = tagOf(key);
  return found !== undefined && versionTag(found.installation, found.version) === tag;
};

export function listed(key: ListedKey): LiveCredential {
  const tag = tagOf(key);
  return {
    ref: refOf(key),
    ...(tag && { tag }),
    disabled: false,
    createdAt: key.created_at * 1_000,
    hint: `${key.owner.service_account?.name ?? key.name} ${key.redacted_value ?? ''}`.trim(),
  };
}

/**
 * Deletes the key, or, where the vendor refuses that, its account if the key is alone in it. Already gone is success,
 * but only once the list agrees: 404 alone is also what a wrong project answers.
 */
export async function kill(api: OpenAiApi, target: OpenAiTarget, ref: Ref, { urgent }: Call): Promise<void> {
  const keys = await killKey(api, ref);
  const own = ref.parent === target.settings.serviceAccount ? undefined : ref.parent;
  if (own !== undefined && urgent !== true) await removeIfEmpty(api, target, own, keys);
}

/** Answers what it was shown to be left, where it had to ask. */
async function killKey(api: OpenAiApi, ref: Ref): Promise<readonly ListedKey[] | undefined> {
  const answer = await api.deleteKey(ref.id);
  if (answer === 'deleted') return undefined;
  const keys = await api.keys();
  const key = keys.find((one) => one.id === ref.id);
  if (key === undefined) return keys;
  if (answer === 'unknown')
    throw new KeybatonError('UNAVAILABLE', `key ${ref.id} is listed and yet unknown: ask again`);
  const account = key.owner.service_account?.id;
  if (account === undefined)
    throw new KeybatonError('UNSUPPORTED', `key ${ref.id} is a person's own: they must delete it`);
  const neighbours = keys.filter((one) => one.owner.service_account?.id === account && one.id !== ref.id);
  if (neighbours.length > 0) {
    throw new KeybatonError(
      'UNSUPPORTED',
      `key ${ref.id} cannot be deleted alone, and its service account ${account} holds ${neighbours.length} more: delete it in the dashboard`,
    );
  }
  await api.deleteAccount(account);
  return undefined;
}

/**
 * Tidying after the kill: an account that we made for one version, and that holds no key any more. What may pass is
 * thrown, so that it is asked for again and no account is left that nobody thinks of.
 */
async function removeIfEmpty(
  api: OpenAiApi,
  target: OpenAiTarget,
  account: string,
  listed: readonly ListedKey[] | undefined,
): Promise<void> {
  try {
    const tag = parseVersionTag((await api.account(account)).name);
    if (tag?.installation !== target.installation) return;
    if ((listed ?? (await api.keys())).some((key) => key.owner.service_account?.id === account)) return;
    await api.deleteAccount(account);
  } catch (thrown) {
    if (errorTable[codeOf(thrown)].retryable) throw thrown;
    // The key is dead, which was asked; an empty account is no credential and must not make a kill look failed.
  }
}
