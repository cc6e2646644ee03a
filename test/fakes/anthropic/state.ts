/**
 * What an Anthropic organisation remembers of its keys; pure, with the clock handed in. Keys are made in the Console only.
 * Pages: https://platform.claude.com/docs/en/api/organization/api_keys (list, retrieve, update),
 * https://platform.claude.com/docs/en/manage-claude/admin-api (creation is Console-only), read 2026-11.
 */
import { randomBytes } from 'node:crypto';

export interface AnthropicSettings {
  /** Limits on active keys; making one active beyond them is refused with the documented codes. null: none. */
  organizationLimit: number | null;
  workspaceLimit: number | null;
  /** Milliseconds until a deactivated or archived key stops, and until an active one works. */
  spread: { activate: number; deactivate: number };
}

export const anthropicDefaults = (): AnthropicSettings => ({
  organizationLimit: null,
  workspaceLimit: null,
  spread: { activate: 0, deactivate: 0 },
});

export const statuses = ['active', 'inactive', 'archived'] as const;
export type Status = (typeof statuses)[number];

export interface Key {
  readonly id: string;
  readonly value: string;
  readonly hint: string;
  readonly workspace: string | null;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  name: string;
  status: Status;
  statusSince: number;
}

export interface Refusal {
  readonly status: number;
  readonly type: string;
  readonly errorCode: string | undefined;
}

/** Thrown where the vendor would answer with an error. */
export const refusal = (
  status: number,
  type: string,
  message: string,
  errorCode?: string,
): Error & { refusal: Refusal } => Object.assign(new Error(message), { refusal: { status, type, errorCode } });
export const isRefusal = (thrown: unknown): thrown is Error & { refusal: Refusal } =>
  thrown instanceof Error && 'refusal' in thrown;

export interface ConsoleKey {
  readonly name: string;
  readonly workspace?: string | undefined;
  readonly expiresInSeconds?: number | undefined;
  /** Makes the value's shown ends equal to another key's: two keys that their hints cannot tell apart. */
  readonly likeKey?: string | undefined;
}

export function anthropicState(
  settings: AnthropicSettings,
  onValue: (value: string) => void,
  now: () => number = Date.now,
) {
  const keys: Key[] = [];

  const keyOf = (id: string): Key => {
    const key = keys.find((one) => one.id === id);
    if (!key) throw refusal(404, 'not_found_error', 'API key not found');
    return key;
  };
  const expired = (key: Key) => key.expiresAt !== null && key.expiresAt <= now();
  const shownStatus = (key: Key) => (expired(key) && key.status !== 'archived' ? 'expired' : key.status);

  const checkLimits = (workspace: string | null) => {
    const active = keys.filter((one) => shownStatus(one) === 'active');
    const limit = (code: string) =>
      refusal(400, 'invalid_request_error', 'the limit of active API keys is reached', code);
    if (settings.organizationLimit !== null && active.length >= settings.organizationLimit)
      throw limit('org_api_key_limit_exceeded');
    const inWorkspace = active.filter((one) => one.workspace === workspace).length;
    if (settings.workspaceLimit !== null && inWorkspace >= settings.workspaceLimit)
      throw limit('workspace_api_key_limit_exceeded');
  };

  return {
    keys: keys as readonly Key[],
    keyOf,
    shownStatus,

    /** What a person does in the Console; the one moment in which the value is shown. */
    createInConsole(request: ConsoleKey): Key {
      checkLimits(request.workspace ?? null);
      const like = request.likeKey === undefined ? undefined : keyOf(request.likeKey).value;
      const made = `sk-ant-api03-${letters(93)}AA`;
      const value = like === undefined ? made : `${like.slice(0, 20)}${made.slice(20, -8)}${like.slice(-8)}`;
      onValue(value);
      const key: Key = {
        id: `apikey_01${letters(22, 62)}`,
        value,
        hint: `${value.slice(0, 16)}...${value.slice(-4)}`,
        workspace: request.workspace ?? null,
        createdAt: now(),
        expiresAt: request.expiresInSeconds === undefined ? null : now() + request.expiresInSeconds * 1_000,
        name: request.name,
        status: 'active',
        statusSince: now(),
      };
      keys.unshift(key);
      return key;
    },

    /** Archived is taken as final: the reference names no way back. */
    update(id: string, change: { readonly name?: string | undefined; readonly status?: Status | undefined }): Key {
      const key = keyOf(id);
      if (change.status !== undefined && change.status !== key.status) {
        if (key.status === 'archived')
          throw refusal(400, 'invalid_request_error', 'an archived API key cannot be changed');
        if (change.status === 'active') checkLimits(key.workspace);
        key.status = change.status;
        key.statusSince = now();
      }
      if (change.name !== undefined) key.name = change.name;
      return key;
    },

    accepts(value: string): boolean {
      const key = keys.find((one) => one.value === value);
      if (!key || expired(key)) return false;
      const since = now() - key.statusSince;
      return key.status === 'active' ? since >= settings.spread.activate : since < settings.spread.deactivate;
    },
  };
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const letters = (many: number, of = 64): string =>
  [...randomBytes(many)].map((byte) => alphabet.charAt(byte % of)).join('');
