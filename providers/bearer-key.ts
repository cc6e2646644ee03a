/**
 * Any vendor that takes a key in a header and lets nobody but people make, list or delete keys. A person supplies each new
 * value; here it is checked, and asked about until it is refused. Cohere and Mistral are two such vendors.
 * `docs/providers/bearer-key.md`, `cohere.md`, `mistral.md`.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { ZodType } from 'zod';
import { KeybatonError } from '../domain/errors.ts';
import type { Ref } from '../domain/facts.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';
import { checkKey, type Checked } from './bearer-key/check.ts';
import {
  bearerKeySettings,
  knownVendor,
  type BearerKeySettings,
  type KnownVendorSettings,
} from './bearer-key/settings.ts';
import type { Call, ExamineRequest, Provider, Target, Verdict } from './provider.ts';

type BearerTarget = Target<BearerKeySettings>;
type BearerProvider<Settings> = Provider<Settings> &
  Required<Pick<Provider<Settings>, 'adopt' | 'examine' | 'supplySteps'>>;

export const bearerKey = (): BearerProvider<BearerKeySettings> =>
  adapter({ name: 'bearer-key', settingsSchema: bearerKeySettings, full: (settings) => settings });

/** https://docs.cohere.com/reference/checkapikey: names the organization of a key. Keys are made in the dashboard only. */
export const cohere = (): BearerProvider<KnownVendorSettings> =>
  adapter({
    name: 'cohere',
    ...knownVendor({
      baseUrl: 'https://api.cohere.com',
      ...{ method: 'POST', path: '/v1/check-api-key', accepted: 'valid', organization: 'organization_id' },
      console: 'https://dashboard.cohere.com/api-keys',
    }),
    pattern: /^[A-Za-z0-9]{40}$/,
  });

/** https://docs.mistral.ai/api: no call makes or deletes a key. */
export const mistral = (): BearerProvider<KnownVendorSettings> =>
  adapter({
    name: 'mistral',
    ...knownVendor({
      baseUrl: 'https://api.mistral.ai',
      refused: 'detail',
      console: 'https://console.mistral.ai/api-keys',
    }),
    pattern: /^[A-Za-z0-9]{32}$/,
  });

interface Vendor<Settings> {
  readonly name: string;
  readonly settingsSchema: ZodType<Settings>;
  readonly full: (settings: Settings) => BearerKeySettings;
  readonly pattern?: RegExp;
}

function adapter<Settings>({ name, settingsSchema, full, pattern }: Vendor<Settings>): BearerProvider<Settings> {
  const wide = (target: Target<Settings>): BearerTarget => ({ ...target, settings: full(target.settings) });

  return {
    name,
    settingsSchema,
    material: { fields: ['api_key'], value: 'api_key', ...(pattern && { pattern }) },

    traits: (settings) => ({
      topology: 'operator-supplied',
      maxLive: undefined,
      createIdempotency: 'list-diff',
      ...timesOf(full(settings)),
      // Nothing is created by us, so nothing can appear late.
      lateCreate: 0,
      usage: undefined,
      tagged: false,
      lists: false,
      expiry: false,
    }),

    async preflight(narrow, _request, call) {
      const target = wide(narrow);
      const { organization } = await askWithControl(target, call);
      return { place: organization ?? new URL(target.settings.baseUrl).host, live: [], at: call.now() };
    },

    async examine(narrow, request, call) {
      await examined(name, wide(narrow), request, call);
    },

    async adopt(narrow, request, call) {
      const { ref, verdict } = await examined(name, wide(narrow), request, call);
      if (verdict === 'refused') refuse('is refused by the vendor');
      return { ref, material: request.material };
    },

    verify: async (target, material, call) => (await checkKey(full(target.settings), material, call)).verdict,

    async revoke(narrow, ref, call) {
      const target = wide(narrow);
      await askWithControl(target, call);
      throw new KeybatonError('UNSUPPORTED', `no call kills key ${ref.id}: ${byHand(target)}`);
    },

    /** Nobody may list keys: only the control key is asked about. `traits.lists` says that nothing follows from it. */
    async list(target, call) {
      await askWithControl(wide(target), call);
      return [];
    },

    supplySteps: (target, version) =>
      [
        `sign in at ${full(target.settings).console}, in the organization of target ${target.name}`,
        `make a key named ${target.installation}-${version}, with the least it needs, and copy it once`,
        'hand it over with keybaton supply; keep no copy',
      ].join('; '),

    killByHand: (target, ref) => `key ${ref.id}: ${byHand(wide(target))}`,
  };
}

/** Everything that can be known of a pasted value; one that is refused may be new. */
async function examined(
  name: string,
  target: BearerTarget,
  { material, known }: ExamineRequest,
  call: Call,
): Promise<{ readonly ref: Ref; readonly verdict: Verdict }> {
  const { pattern: shape } = target.settings;
  if (shape !== undefined && !new RegExp(shape).test(material.revealValue()))
    refuse('does not look like a key of this vendor');
  const ref = { id: handleOf(name, material) };
  if (known.some(({ id }) => id === ref.id)) refuse('is a key that keybaton knows already');
  const control = await askWithControl(target, call);
  if (same(material, await target.admin())) refuse('is the control key itself: make another for the application');
  const { verdict, organization } = await checkKey(target.settings, material, call);
  if (verdict !== 'refused' && organization !== control.organization)
    refuse('belongs to another organization than the control key of this target');
  return { ref, verdict };
}

function refuse(why: string): never {
  throw new KeybatonError('VERIFICATION_FAILED', `what was supplied ${why}`);
}

const timesOf = ({ createSpread, revokeSpread, callTimeout }: BearerKeySettings) => ({
  ...{ createSpread, revokeSpread, callTimeout },
});

const byHand = ({ settings, installation }: BearerTarget): string =>
  `delete it at ${settings.console}; keys that were supplied are named ${installation}-<version>; keybaton asks with its value until it is refused`;

/** The admin credential of such a target: a key of the same organization that may do nothing else and is never rotated here. */
async function askWithControl(target: BearerTarget, call: Call): Promise<Checked> {
  const checked = await checkKey(target.settings, await target.admin(), call);
  if (checked.verdict !== 'refused') return checked;
  throw new KeybatonError('ACCESS_DENIED', `the control key of ${target.name} is refused: give the target another one`);
}

/** A public handle where the vendor shows none: 96 bits, of values that have more, so nobody finds one by trying. */
const handleOf = (name: string, material: SecretMaterial): string =>
  `sha256-${digest(['keybaton', name, material.revealValue()].join('\0')).toString('hex').slice(0, 24)}`;

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
const same = (one: SecretMaterial, other: SecretMaterial): boolean =>
  timingSafeEqual(digest(one.revealValue()), digest(other.revealValue()));
