import { isRecord } from '../api.ts';
import { problem } from '../problem.ts';
import { storedFrom } from '../source.ts';
import type { Source, Stored } from '../source.ts';
import { callStore, hasCode, jsonOf, refusalOf } from './http.ts';
import { signIn } from './vault-login.ts';
import type { VaultAuth } from './vault-login.ts';

export type { VaultAuth } from './vault-login.ts';

export interface VaultOptions {
  /** `https://vault.example.com:8200`: a node that answers itself or forwards; redirects are not followed. */
  readonly address: string;
  /** Where KV version 2 is mounted: `secret`. */
  readonly mount?: string;
  /** The path of the entry, as the inventory has it. */
  readonly path: string;
  readonly namespace?: string;
  readonly auth: VaultAuth;
  readonly fetch?: typeof globalThis.fetch;
}

/** KV versions looked through for an earlier one; hands may have written between. */
const versionsBack = 8;

/** HashiCorp Vault or OpenBao, KV version 2. `read` on the data path is all it needs. */
export function vault(options: VaultOptions): Source {
  const { address, mount = 'secret', path, namespace, fetch = globalThis.fetch } = options;
  const base = address.replace(/\/+$/, '');
  const name = `${base} at ${mount}/${path}`;
  const common: Record<string, string> = {
    'x-vault-request': 'true',
    ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
  };
  const session = signIn({ base, auth: options.auth, headers: common, fetch, name });
  const segments = (text: string): string => text.split('/').map(encodeURIComponent).join('/');
  const url = `${base}/v1/${segments(mount)}/data/${segments(path)}`;

  async function ask(version: number | undefined, signal: AbortSignal): Promise<{ stored: Stored; number: number }> {
    const query = version === undefined ? '' : `?version=${String(version)}`;
    const get = async (): Promise<{ stored: Stored; number: number }> => {
      const headers = { ...common, 'x-vault-token': await session.token(signal) };
      const answer = await callStore({ url: url + query, method: 'GET', headers, signal, fetch, name });
      if (answer.status !== 200) throw refusalOf(name, answer);
      return read(jsonOf(name, answer.text));
    };
    try {
      return await get();
    } catch (error) {
      // A token may be ended before its time; once, since a policy may refuse us for good.
      if (!hasCode(error, 'ACCESS_DENIED') || !session.forget()) throw error;
      return await get();
    }
  }

  function read(answer: unknown): { stored: Stored; number: number } {
    const inner = isRecord(answer) ? answer['data'] : undefined;
    const metadata = isRecord(inner) ? inner['metadata'] : undefined;
    const stored = isRecord(inner) ? storedFrom(inner['data']) : undefined;
    const number = isRecord(metadata) ? metadata['version'] : undefined;
    if (stored !== undefined && typeof number === 'number') return { stored, number };
    throw problem('INVALID_CONFIG', `${name} answered something that is not of KV version 2`);
  }

  return {
    name,
    current: async (signal) => (await ask(undefined, signal)).stored,
    async before(version, signal) {
      const { number } = await ask(undefined, signal);
      for (let back = 1; back <= versionsBack && number - back >= 1; back += 1) {
        const older = await ask(number - back, signal).catch((error: unknown) => {
          // Destroyed or dropped: one before it may still be there.
          if (hasCode(error, 'NOT_FOUND')) return undefined;
          throw error;
        });
        if (older?.stored['keybaton_version'] === version) return older.stored;
      }
      throw problem('NOT_FOUND', `${name} does not show the earlier version any more`);
    },
  };
}
