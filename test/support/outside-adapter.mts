// An adapter as somebody outside writes it: it knows the package's exports and zod, and keeps its keys in this process.
import { KeybatonError, SecretMaterial } from '@keybaton/keybaton/adapter';
import type { Call, Provider, Target } from '@keybaton/keybaton/adapter';
import { z } from 'zod';

type Settings = { readonly prefix: string };
const keys = new Map<string, { readonly tag: string; readonly value: string }>();
let made = 0;

async function checkAdmin(target: Target<Settings>): Promise<void> {
  if ((await target.admin()).revealValue() !== 'letmein')
    throw new KeybatonError('ACCESS_DENIED', 'the admin credential is refused');
}

function sheet(): Provider<Settings> {
  return {
    contract: 1,
    name: 'sheet',
    settingsSchema: z.strictObject({ prefix: z.string() }),
    material: { fields: ['token'], value: 'token' },
    traits: () => ({
      topology: 'n-keys',
      maxLive: undefined,
      createIdempotency: 'tag-search',
      createSpread: 0,
      revokeSpread: 0,
      lateCreate: 0,
      callTimeout: 5_000,
      usage: undefined,
      tagged: true,
      expiry: false,
    }),
    preflight: async (target: Target<Settings>, _request, call: Call) => {
      await checkAdmin(target);
      return { place: target.name, live: [...keys.keys()], at: call.now() };
    },
    issue: async (target, request, call) => {
      await checkAdmin(target);
      const value = target.settings.prefix + Buffer.from(call.random(24)).toString('hex');
      made += 1;
      // Never an id again that another key has, or had: whoever revokes that one would kill this.
      const id = `row-${made}`;
      keys.set(id, { tag: `${target.installation}:${request.version}`, value });
      return { ref: { id }, material: new SecretMaterial({ token: value }, 'token') };
    },
    verify: async (_target, material) =>
      [...keys.values()].some((key) => key.value === material.revealValue()) ? 'accepted' : 'refused',
    revoke: async (_target, ref) => void keys.delete(ref.id),
    list: async (target) => {
      await checkAdmin(target);
      return [...keys].map(([id, { tag }]) => {
        const [installation = '', version = ''] = tag.split(':');
        return { ref: { id }, tag: { installation, version }, disabled: false };
      });
    },
    killByHand: (_target, ref) => `strike out ${ref.id}`,
  };
}

export default { providers: { sheet } };
