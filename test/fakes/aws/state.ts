/**
 * IAM users with their access keys and service-specific credentials; pure, with the clock handed in. Pages, read 2026-11:
 * https://docs.aws.amazon.com/IAM/latest/APIReference/ API_CreateAccessKey, API_ListAccessKeys, API_UpdateAccessKey,
 * API_DeleteAccessKey, API_GetAccessKeyLastUsed, API_CreateServiceSpecificCredential, API_ListServiceSpecificCredentials,
 * API_UpdateServiceSpecificCredential, API_DeleteServiceSpecificCredential; quotas: .../UserGuide/reference_iam-quotas.html
 */
import { randomBytes, randomInt } from 'node:crypto';

export interface AwsSettings {
  /** Milliseconds until a new key, or a change of status, is known everywhere. */
  spread: { create: number; revoke: number };
  /** Milliseconds until a use shows. */
  lastUsedLag: number;
  /** A service control policy denies every call of users' keys but not the admin's. */
  denyUsers: boolean;
  /** What a careless error message holds. */
  echo: boolean;
}

export const awsDefaults = (): AwsSettings => ({
  spread: { create: 0, revoke: 0 },
  lastUsedLag: 0,
  denyUsers: false,
  echo: false,
});

export interface Key {
  readonly kind: 'access-key' | 'bedrock';
  readonly user: string;
  readonly id: string;
  readonly secret: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  active: boolean;
  changedAt: number;
  deletedAt: number | null;
  lastUsedAt: number | null;
}

export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export function awsState(settings: AwsSettings, onValue: (value: string) => void, now = Date.now) {
  const keys: Key[] = [];
  const users = new Set<string>();

  const checkUser = (user: string) => {
    if (!users.has(user)) throw new Refusal(404, 'NoSuchEntity', `The user with name ${user} cannot be found.`);
  };
  const of = (user: string, kind: Key['kind']) =>
    keys.filter((key) => key.user === user && key.kind === kind && key.deletedAt === null);
  const find = (user: string, kind: Key['kind'], id: string): Key => {
    checkUser(user);
    const found = of(user, kind).find((key) => key.id === id);
    if (found === undefined) throw new Refusal(404, 'NoSuchEntity', `The key with id ${id} cannot be found.`);
    return found;
  };
  const works = (key: Key): boolean => {
    if (key.expiresAt !== null && key.expiresAt <= now()) return false;
    const until = key.deletedAt ?? (key.active ? null : key.changedAt);
    if (until !== null) return now() < until + settings.spread.revoke;
    return now() >= key.changedAt + settings.spread.create;
  };

  return {
    keys: keys as readonly Key[],
    works,
    addUser: (user: string) => users.add(user),

    create(user: string, kind: Key['kind'], days?: number): Key {
      checkUser(user);
      if (of(user, kind).length >= 2)
        throw new Refusal(409, 'LimitExceeded', 'Cannot exceed quota for AccessKeysPerUser: 2');
      const secret = kind === 'access-key' ? letters(40, base64) : `ABSK${letters(128, base64)}`;
      onValue(secret);
      const key: Key = {
        ...{ kind, user, secret, createdAt: now(), changedAt: now(), active: true },
        ...{ deletedAt: null, lastUsedAt: null },
        id: kind === 'access-key' ? `AKIA${letters(16, base32)}` : `ACCA${letters(17, base32)}`,
        expiresAt: days === undefined ? null : now() + days * 86_400_000,
      };
      keys.push(key);
      return key;
    },

    list(user: string, kind: Key['kind']): readonly Key[] {
      checkUser(user);
      return of(user, kind);
    },

    setActive(user: string, kind: Key['kind'], id: string, active: boolean): void {
      const key = find(user, kind, id);
      if (key.active !== active) Object.assign(key, { active, changedAt: now() });
    },

    remove(user: string, kind: Key['kind'], id: string): void {
      const key = find(user, kind, id);
      key.deletedAt = key.active ? now() : key.changedAt;
    },

    lastUsed(id: string): { user: string; at: number | null } {
      const key = keys.find((one) => one.id === id && one.deletedAt === null);
      if (key === undefined) throw new Refusal(404, 'NoSuchEntity', `The Access Key with id ${id} cannot be found.`);
      const shown = key.lastUsedAt !== null && key.lastUsedAt + settings.lastUsedLag <= now();
      return { user: key.user, at: shown ? key.lastUsedAt : null };
    },

    use(key: Key): boolean {
      if (works(key)) key.lastUsedAt = now();
      return works(key);
    },
  };
}

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const base64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const letters = (many: number, alphabet: string): string =>
  alphabet.length === 64
    ? [...randomBytes(many)].map((byte) => alphabet.charAt(byte % 64)).join('')
    : Array.from({ length: many }, () => alphabet.charAt(randomInt(alphabet.length))).join('');
