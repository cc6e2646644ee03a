// A provider adapter, begun by `keybaton provider new acme-vendor`. It keeps the provider contract as it stands, against a
// vendor that is only pretended: change what REPLACE marks and keep `node --test` green. What each operation must do is
// written at `Provider` in @keybaton/keybaton/adapter; the optional ones (suspend, usage, recover, ...) are there too.
import { KeybatonError, SecretMaterial } from '@keybaton/keybaton/adapter';
import type { Call, Provider, Target } from '@keybaton/keybaton/adapter';
import { z } from 'zod';

/** REPLACE: what tells one place at the vendor from another. No secret; unknown settings stay refused. */
const settingsSchema = z.strictObject({ baseUrl: z.string().startsWith('https://') });
export type Settings = z.output<typeof settingsSchema>;

const materialOf = (value: string): SecretMaterial => new SecretMaterial({ api_key: value }, 'api_key');

/** On every key we make: a retry finds what an earlier attempt made, and keys of others are never taken for ours. */
const labelOf = (target: Target<Settings>, version: string): string => `keybaton:${target.installation}:${version}`;

export function acmeVendorProvider(): Provider<Settings> {
  return {
    // The contract this was written for. Raise it only when the kit of a newer keybaton passes.
    contract: 1,
    name: 'acme-vendor',
    settingsSchema,
    material: { fields: ['api_key'], value: 'api_key' },

    // REPLACE: what the vendor promises, in milliseconds. What it does not say is measured, or assumed to be slow.
    traits: () => ({
      topology: 'n-keys',
      maxLive: undefined,
      createIdempotency: 'tag-search',
      createSpread: 0,
      revokeSpread: 0,
      lateCreate: 0,
      callTimeout: 10_000,
      usage: undefined,
      tagged: true,
      expiry: false,
    }),

    async preflight(target, _request, call) {
      const keys = await (await vendorFor(target)).list(call);
      return { place: target.settings.baseUrl, live: keys.map(({ id }) => id), at: call.now() };
    },

    async issue(target, { version }, call) {
      const vendor = await vendorFor(target);
      const label = labelOf(target, version);
      // Nobody knows the value that an earlier attempt made: it goes first.
      for (const key of await vendor.list(call)) if (key.label === label) await vendor.remove(key.id, call);
      const made = await vendor.create(label, call);
      return { ref: { id: made.id }, material: materialOf(made.value) };
    },

    // REPLACE: ask for something harmless with the value itself. Alive but not permitted is `forbidden`.
    verify: async (target, material, call) =>
      (await pretendedUse(target.settings.baseUrl, material.revealValue(), call)) ? 'accepted' : 'refused',

    async revoke(target, ref, call) {
      // Already gone is success; anything else that goes wrong is that trouble.
      await (await vendorFor(target)).remove(ref.id, call);
    },

    async list(target, call) {
      const keys = await (await vendorFor(target)).list(call);
      return keys.map(({ id, label }) => {
        const [ours, installation, version] = label.split(':');
        const tagged = ours === 'keybaton' && installation !== undefined && version !== undefined;
        return { ref: { id }, ...(tagged && { tag: { installation, version } }), disabled: false };
      });
    },

    // REPLACE: what a person does at 3 a.m. without keybaton.
    killByHand: (target, ref) =>
      `in the console of acme-vendor at ${target.settings.baseUrl}: delete the key ${ref.id}`,
  };
}

/**
 * What the adapter asks of the vendor. Each call checks `call` before it sends; `create` throws AMBIGUOUS when the key may
 * have been made; a refused admin credential is ACCESS_DENIED; no answer is UNAVAILABLE.
 */
interface Vendor {
  create(label: string, call: Call): Promise<{ readonly id: string; readonly value: string }>;
  list(call: Call): Promise<readonly { readonly id: string; readonly label: string }[]>;
  remove(id: string, call: Call): Promise<void>;
}

/** REPLACE: the vendor's own calls. `httpClient` of @keybaton/keybaton/adapter lets no secret into an error. */
async function vendorFor(target: Target<Settings>): Promise<Vendor> {
  return pretendedVendor(target.settings.baseUrl, (await target.admin()).revealValue());
}

// REPLACE: everything below goes when the vendor is real. The test then asks a fake of it, a process that speaks HTTP.

export const pretendedAdmin = 'nobody-uses-this-admin-key';
interface Account {
  readonly keys: Map<string, { readonly label: string; readonly value: string }>;
  made: number;
  losesAnswer: boolean;
}
const accounts = new Map<string, Account>();

function accountAt(baseUrl: string, call: Pick<Call, 'signal' | 'deadline' | 'now'>): Account {
  if (call.signal.aborted || call.now() >= call.deadline) {
    throw new KeybatonError('UNAVAILABLE', 'too late: nothing was sent');
  }
  if (!baseUrl.startsWith('https://acme-vendor.example')) {
    throw new KeybatonError('UNAVAILABLE', `${baseUrl} does not answer`);
  }
  const account = accounts.get(baseUrl) ?? { keys: new Map(), made: 0, losesAnswer: false };
  accounts.set(baseUrl, account);
  return account;
}

function pretendedVendor(baseUrl: string, admin: string): Vendor {
  const account = (call: Call): Account => {
    const found = accountAt(baseUrl, call);
    if (admin !== pretendedAdmin) throw new KeybatonError('ACCESS_DENIED', 'acme-vendor refuses the admin credential');
    return found;
  };
  return {
    async create(label, call) {
      const found = account(call);
      const id = `key-${(found.made += 1)}`;
      const value = `acme-vendor_${Buffer.from(call.random(24)).toString('hex')}`;
      found.keys.set(id, { label, value });
      if (found.losesAnswer) {
        found.losesAnswer = false;
        throw new KeybatonError('AMBIGUOUS', 'acme-vendor did not say whether the key was made');
      }
      return { id, value };
    },
    list: async (call) => [...account(call).keys].map(([id, { label }]) => ({ id, label })),
    remove: async (id, call) => void account(call).keys.delete(id),
  };
}

async function pretendedUse(baseUrl: string, value: string, call: Call): Promise<boolean> {
  return [...accountAt(baseUrl, call).keys.values()].some((key) => key.value === value);
}

/** For the test: the next key is made, and nobody is told. */
export function loseNextAnswer(baseUrl: string): void {
  const now = () => 0;
  accountAt(baseUrl, { signal: new AbortController().signal, deadline: 1, now }).losesAnswer = true;
}
