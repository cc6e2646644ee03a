/**
 * What an OpenAI organisation remembers, as the reference describes it; pure, with the clock handed in.
 * Pages: https://platform.openai.com/docs/api-reference/project-service-accounts (create, update, delete, keys of an account),
 * https://platform.openai.com/docs/api-reference/project-api-keys (list, retrieve, update, delete), read 2026-11.
 */
import { randomBytes, randomInt } from 'node:crypto';

export interface OpenAiSettings {
  /** The two documented behaviours of DELETE on a key that a service account owns: 200 since 2026-10, 400 before. */
  deleteServiceAccountKeys: 'allowed' | 'refused-400';
  /** Live keys a project may have; null: no limit. OpenAI publishes neither a number nor an error: the code here is ours. */
  maxLiveKeys: number | null;
  /** Milliseconds until a new key works, and until a deleted or narrowed one stops. */
  spread: { create: number; revoke: number };
  /** Each deleted key works on for up to so many milliseconds more, and nobody is told how long. */
  hiddenSpread: number;
  /** Ids of keys that nobody may delete, nor the account that holds them: 403. */
  locked: readonly string[];
  /** Milliseconds until a use shows up in `last_used_at`. */
  lastUsedLag: number;
  /** An organisation policy may demand `expires_in_seconds`. */
  expiryRequired: boolean;
  /** 403 to the admin key for admin keys and the list of projects. */
  narrowAdmin: boolean;
}

export const openAiDefaults = (): OpenAiSettings => ({
  deleteServiceAccountKeys: 'allowed',
  maxLiveKeys: null,
  spread: { create: 0, revoke: 0 },
  hiddenSpread: 0,
  locked: [],
  lastUsedLag: 0,
  expiryRequired: false,
  narrowAdmin: false,
});

export interface Account {
  readonly id: string;
  readonly project: string;
  readonly createdAt: number;
  name: string;
  role: 'owner' | 'member' | 'none';
  deletedAt: number | null;
}

export interface Key {
  readonly id: string;
  readonly project: string;
  readonly name: string;
  readonly value: string;
  /** null: a person's own key, made in the dashboard. */
  readonly account: Account | null;
  readonly createdAt: number;
  scopes: readonly string[];
  expiresAt: number | null;
  deletedAt: number | null;
  /** How often somebody asked for its end, by itself or with its account. */
  kills: number;
  /** Its share of the hidden spread: above 0, up to 1. */
  readonly lingers: number;
  readonly uses: number[];
}

export type Refusal = { readonly status: number; readonly code: string | null; readonly message: string };
/** Thrown where the vendor would answer with an error. */
export const refusal = (what: Refusal): Error & { refusal: Refusal } =>
  Object.assign(new Error(what.message), { refusal: what });
export const isRefusal = (thrown: unknown): thrown is Error & { refusal: Refusal } =>
  thrown instanceof Error && 'refusal' in thrown;

const refuse = (status: number, code: string | null, message: string): never => {
  throw refusal({ status, code, message });
};

export interface KeyRequest {
  readonly name: string;
  readonly scopes?: readonly string[] | undefined;
  readonly expiresInSeconds?: number | undefined;
}

export function openAiState(settings: OpenAiSettings, onValue: (value: string) => void, now: () => number = Date.now) {
  const accounts: Account[] = [];
  const keys: Key[] = [];

  const alive = (key: Key) => key.deletedAt === null && (key.expiresAt === null || key.expiresAt > now());
  const accountOf = (project: string, id: string): Account =>
    accounts.find((one) => one.id === id && one.project === project && one.deletedAt === null) ??
    refuse(404, null, 'no such service account');
  const keyOf = (project: string, id: string): Key =>
    keys.find((one) => one.id === id && one.project === project && alive(one)) ?? refuse(404, null, 'no such key');

  const works = (key: Key) => {
    const end =
      key.deletedAt === null ? null : key.deletedAt + settings.spread.revoke + key.lingers * settings.hiddenSpread;
    return !(
      key.createdAt + settings.spread.create > now() ||
      (end !== null && end <= now()) ||
      (key.expiresAt !== null && key.expiresAt <= now())
    );
  };
  const refuseLocked = (key: Key) => {
    if (settings.locked.includes(key.id)) refuse(403, 'key_locked', 'a policy keeps this key');
  };

  const checkExpiry = (seconds: number | undefined) => {
    if (seconds === undefined) {
      if (settings.expiryRequired) refuse(400, 'expiration_required', 'a policy demands expires_in_seconds');
      return null;
    }
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > 31_536_000) {
      refuse(400, 'invalid_expiration', 'expires_in_seconds must be between 1 and 31536000');
    }
    return now() + seconds * 1_000;
  };

  const mint = (project: string, account: Account | null, request: KeyRequest): Key => {
    const expiresAt = checkExpiry(request.expiresInSeconds);
    if (
      settings.maxLiveKeys !== null &&
      keys.filter((one) => one.project === project && alive(one)).length >= settings.maxLiveKeys
    ) {
      refuse(400, 'project_api_key_limit_exceeded', 'the project has reached its limit of API keys');
    }
    const value = `sk-${account ? 'svcacct' : 'proj'}-${letters(74)}T3BlbkFJ${letters(74)}`;
    onValue(value);
    const key: Key = {
      id: `key_${letters(16, plain)}`,
      project,
      name: request.name,
      value,
      account,
      createdAt: now(),
      scopes: request.scopes ?? [],
      expiresAt,
      deletedAt: null,
      kills: 0,
      lingers: randomInt(1, 1_001) / 1_000,
      uses: [],
    };
    keys.push(key);
    return key;
  };

  return {
    keys: keys as readonly Key[],
    accounts: accounts as readonly Account[],
    alive,
    works,
    accountOf,
    keyOf,

    /** By default with a first key and role member; `only`: role none and no key. */
    createAccount(project: string, name: string, only: boolean, expiresInSeconds: number | undefined) {
      if (only && expiresInSeconds !== undefined) refuse(400, null, 'expires_in_seconds needs a key');
      const account: Account = {
        id: `svc_acct_${letters(16, plain)}`,
        project,
        name,
        role: only ? 'none' : 'member',
        createdAt: now(),
        deletedAt: null,
      };
      const key = only ? null : mint(project, account, { name: 'Secret Key', expiresInSeconds });
      accounts.push(account);
      return { account, key };
    },

    updateAccount(
      project: string,
      id: string,
      change: { name?: string | undefined; role?: 'member' | 'owner' | undefined },
    ) {
      const account = accountOf(project, id);
      if (change.name !== undefined) account.name = change.name;
      if (change.role !== undefined) account.role = change.role;
      return account;
    },

    createKey: (project: string, account: string, request: KeyRequest) =>
      mint(project, accountOf(project, account), request),
    createPersonalKey: (project: string, name: string) => mint(project, null, { name }),

    /** `any`: every enabled key. `active` and no filter: only keys whose owner has access to the project. */
    listKeys(project: string, access: string | null): readonly Key[] {
      const shown = (key: Key) => (access === 'any' ? true : access === 'inactive' ? !hasAccess(key) : hasAccess(key));
      return keys.filter((key) => key.project === project && alive(key) && shown(key));
    },
    listAccounts: (project: string): readonly Account[] =>
      accounts.filter((one) => one.project === project && one.deletedAt === null),

    updateKey(
      project: string,
      id: string,
      change: { scopes?: readonly string[] | undefined; expiresInSeconds?: number | undefined },
    ) {
      const key = keyOf(project, id);
      if (change.scopes === undefined && change.expiresInSeconds === undefined) refuse(400, null, 'nothing to update');
      if (change.expiresInSeconds !== undefined) key.expiresAt = checkExpiry(change.expiresInSeconds);
      if (change.scopes !== undefined) key.scopes = change.scopes;
      return key;
    },

    deleteKey(project: string, id: string): void {
      for (const one of keys) if (one.id === id) one.kills += 1;
      const key = keyOf(project, id);
      refuseLocked(key);
      if (key.account && settings.deleteServiceAccountKeys === 'refused-400') {
        refuse(400, null, 'keys of service accounts cannot be deleted: delete the service account');
      }
      key.deletedAt = now();
    },

    /** Kills every key of the account. */
    deleteAccount(project: string, id: string): void {
      const account = accountOf(project, id);
      const own = keys.filter((key) => key.account === account && key.deletedAt === null);
      own.forEach((key) => (key.kills += 1));
      own.forEach(refuseLocked);
      account.deletedAt = now();
      for (const key of own) key.deletedAt = now();
    },

    /** What a call with this key gets: 200, 401 for one that is not (yet, any longer) known, 403 for one without the scope. */
    use(value: string): 200 | 401 | 403 {
      const key = keys.find((one) => one.value === value);
      if (!key || !works(key)) return 401;
      key.uses.push(now());
      const mayList =
        key.scopes.length === 0 || key.scopes.some((scope) => scope === 'api.all.read' || scope === 'api.model.read');
      return mayList && hasAccess(key) ? 200 : 403;
    },

    /** Projects that anything was ever made in. */
    projects: () => [...new Set([...accounts, ...keys].map(({ project }) => project))].map((id) => ({ id })),

    /** Milliseconds, or null: only uses older than the lag show. */
    lastUsedAt(key: Key): number | null {
      const shown = key.uses.filter((at) => at + settings.lastUsedLag <= now());
      return shown.at(-1) ?? null;
    },
  };
}

export const hasAccess = (key: Key): boolean => key.account === null || key.account.role !== 'none';

const plain = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const letters = (many: number, alphabet = `${plain}-_`): string =>
  alphabet.length === 64
    ? [...randomBytes(many)].map((byte) => alphabet.charAt(byte % 64)).join('')
    : Array.from({ length: many }, () => alphabet.charAt(randomInt(alphabet.length))).join('');
