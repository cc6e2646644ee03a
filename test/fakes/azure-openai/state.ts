/**
 * Azure AI accounts with their two keys, and the tags of a resource; pure, with the clock handed in. Pages, read 2026-11:
 * https://learn.microsoft.com/en-us/rest/api/aiservices/accountmanagement/accounts/list-keys, .../regenerate-key, .../get,
 * https://learn.microsoft.com/en-us/azure/ai-services/rotate-keys (the old value stops at once),
 * https://learn.microsoft.com/en-us/rest/api/resources/tags/update-at-scope (Merge; 50 tags, values of 256 characters).
 */
import { randomBytes } from 'node:crypto';

export interface AzureOpenAiSettings {
  /** Milliseconds until a new value works, and until a replaced one stops. */
  spread: { create: number; revoke: number };
  /** The firewall of the account lets nobody in: 403 whatever the key is. */
  firewall: boolean;
}

export const azureDefaults = (): AzureOpenAiSettings => ({ spread: { create: 0, revoke: 0 }, firewall: false });

export type SlotName = 'Key1' | 'Key2';

interface Value {
  readonly value: string;
  readonly slot: SlotName;
  readonly since: number;
  replacedAt: number | null;
}

export interface Account {
  readonly path: string;
  readonly values: Value[];
  readonly tags: Record<string, string>;
  disableLocalAuth: boolean;
}

export function azureState(settings: AzureOpenAiSettings, onValue: (value: string) => void, now = Date.now) {
  const accounts = new Map<string, Account>();

  const put = (account: Account, slot: SlotName, since: number): void => {
    const value = randomBytes(16).toString('hex');
    onValue(value);
    account.values.push({ value, slot, since, replacedAt: null });
  };
  const current = (account: Account, slot: SlotName): Value => {
    const found = account.values.find((one) => one.slot === slot && one.replacedAt === null);
    if (found === undefined) throw new Error('an account always has both keys');
    return found;
  };

  return {
    accounts: accounts as ReadonlyMap<string, Account>,
    /** Every account has two keys from its first day. */
    create(path: string): Account {
      const account: Account = { path, values: [], tags: {}, disableLocalAuth: false };
      put(account, 'Key1', 0);
      put(account, 'Key2', 0);
      accounts.set(path, account);
      return account;
    },
    keys: (account: Account) => ({ key1: current(account, 'Key1').value, key2: current(account, 'Key2').value }),
    regenerate(account: Account, slot: SlotName): void {
      current(account, slot).replacedAt = now();
      put(account, slot, now());
    },
    accepts(account: Account, value: string): boolean {
      const found = account.values.find((one) => one.value === value);
      if (found === undefined || found.since + (found.since === 0 ? 0 : settings.spread.create) > now()) return false;
      return found.replacedAt === null || found.replacedAt + settings.spread.revoke > now();
    },
  };
}
