/**
 * `http`: a provider that a file of YAML declares, without code. What such a file says: `docs/providers/declared.md`. The
 * file describes calls and places in answers; what is done with them, and in which order, stands here.
 */
import { readFileSync } from 'node:fs';
import { KeybatonError } from '../domain/errors.ts';
import type { Ref } from '../domain/facts.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import { parseVersionTag, versionTag } from '../domain/version-tag.ts';
import { declaredAdvice } from './http/advice.ts';
import { adminApi, askWithValue, idOf, isFound, requestOf, settingsOf, timeOf, unknownShape } from './http/api.ts';
import type { DeclaredApi, ListedItem } from './http/api.ts';
import type { Declaration } from './http/declaration.ts';
import { killByHand } from './http/kill-by-hand.ts';
import { pick } from './http/pick.ts';
import { readDeclaration } from './http/read-declaration.ts';
import { settingsSchemaOf, type DeclaredSettings } from './http/settings.ts';
import { filledPath } from './http/template.ts';
import type { Call, LiveCredential, Provider, Target } from './provider.ts';

export { readDeclaration } from './http/read-declaration.ts';
export type { Declaration } from './http/declaration.ts';
export type { DeclaredSettings } from './http/settings.ts';

const shipped = new Map<string, Declaration>();

/** A declaration that ships, by the name of its file. */
export function shippedDeclaration(name: 'elevenlabs' | 'fireworks' | 'xai'): Declaration {
  const known = shipped.get(name);
  if (known !== undefined) return known;
  const read = readDeclaration(`${name}.yml`, readFileSync(new URL(`./declared/${name}.yml`, import.meta.url), 'utf8'));
  shipped.set(name, read);
  return read;
}

type Made = Provider<DeclaredSettings> & Required<Pick<Provider<DeclaredSettings>, 'issue'>>;

/** The provider that a declaration describes. */
export function declaredProvider(declaration: Declaration): Made {
  const { name, material, traits, issue, list, verify, revoke, suspend, resume, usage } = declaration;
  const tagged = traits.createIdempotency === 'tag-search';
  const open = (target: Target<DeclaredSettings>, call: Call) => adminApi(declaration, target, call);
  const placeOf = (target: Target<DeclaredSettings>): string =>
    filledPath(requestOf(issue.request).path, settingsOf(target));
  const tagOf = ({ item }: ListedItem) => parseVersionTag(textAt(list.tag, item) ?? '');
  const isOwn = (item: ListedItem, tag: string): boolean => {
    const found = tagged ? tagOf(item) : undefined;
    return found !== undefined && versionTag(found.installation, found.version) === tag;
  };

  return {
    name,
    settingsSchema: settingsSchemaOf(declaration),
    material: {
      fields: [material.field],
      value: material.field,
      ...(material.pattern !== undefined && { pattern: new RegExp(material.pattern) }),
    },

    traits: ({ maxLive, createSpread, revokeSpread, lateCreate, usageLag, callTimeout }) => ({
      topology: 'n-keys',
      maxLive,
      createIdempotency: traits.createIdempotency,
      ...{ createSpread, revokeSpread, lateCreate, callTimeout },
      usage: usage && { kind: 'count' in usage ? 'counter' : 'timestamp', lag: usageLag ?? usage.lag },
      tagged,
      expiry: JSON.stringify(issue.body ?? {}).includes('{expiresAt.'),
    }),

    advice: (settings) => declaredAdvice(declaration, settings),

    async preflight(target, request, call) {
      const api = await open(target, call);
      const { maxLive } = target.settings;
      const items = await api.items();
      const own = versionTag(target.installation, request.version);
      const others = items.filter((item) => !isOwn(item, own));
      if (maxLive !== undefined && others.length >= maxLive) {
        throw new KeybatonError(
          'CAPACITY_EXHAUSTED',
          `${target.name} holds ${others.length} keys and has room for ${maxLive}: revoke one that nobody uses`,
        );
      }
      return { place: placeOf(target), live: items.map(({ id }) => id), at: api.clock() };
    },

    async issue(target, { version, place, expiresAt }, call) {
      if (place !== placeOf(target))
        throw new KeybatonError('CONFLICT', `${target.name} points elsewhere than when the rotation was planned`);
      const api = await open(target, call);
      const tag = versionTag(target.installation, version);
      // A key of this version from an earlier call: its value was never seen, so it can only die.
      if (tagged)
        for (const one of (await api.items()).filter((item) => isOwn(item, tag))) await api.kill(revoke, one.id);
      const answer = await api.send(issue, { ...settingsOf(target), tag, version, ...expiryFillings(expiresAt) });
      const failure = () => unknownShape(issue.request, answer, true);
      const value = pick(issue.secret, answer.body);
      if (typeof value !== 'string' || value === '') throw failure();
      const ends = issue.expiresAt && timeOf(issue.expiresAt, answer.body, failure);
      return {
        ref: { id: idOf(issue.id, answer.body, failure) },
        material: new SecretMaterial({ [material.field]: value }, material.field),
        ...(ends !== undefined && { expiresAt: ends }),
      };
    },

    async verify(target, value, call) {
      const answer = await askWithValue(declaration, target, value.revealValue(), call);
      const rule = verify.verdicts.find(
        ({ status, says: _, ...found }) => status === answer.status && isFound(found, answer.body),
      );
      if (rule === undefined) throw unknownShape(verify.request, answer, false);
      return rule.says;
    },

    async revoke(target, ref, call) {
      const api = await open(target, call);
      if ((await api.kill(revoke, ref.id)) === 'unknown') await sureGone(api, ref);
    },

    list: async (target, call) =>
      (await (await open(target, call)).items()).map((one): LiveCredential => {
        const tag = tagOf(one);
        const hint = textAt(list.hint, one.item);
        const createdAt =
          list.createdAt &&
          timeOf(
            list.createdAt,
            one.item,
            () => new KeybatonError('UNAVAILABLE', `${list.request}: a time in the list cannot be read`),
          );
        return {
          ref: { id: one.id },
          ...(tag && { tag }),
          disabled: list.disabled !== undefined && isFound(list.disabled, one.item),
          ...(createdAt !== undefined && { createdAt }),
          ...(hint !== undefined && { hint }),
        };
      }),

    ...(suspend &&
      resume && {
        async suspend(target: Target<DeclaredSettings>, ref: Ref, call: Call) {
          const api = await open(target, call);
          if ((await api.kill(suspend, ref.id)) === 'unknown') await sureGone(api, ref);
        },

        async resume(target: Target<DeclaredSettings>, ref: Ref, call: Call) {
          const api = await open(target, call);
          if ((await api.kill(resume, ref.id)) === 'done') return;
          await sureGone(api, ref);
          throw new KeybatonError('NOT_FOUND', `key ${ref.id} is gone`);
        },
      }),

    ...(usage && {
      async usage(target: Target<DeclaredSettings>, ref: Ref, call: Call) {
        const api = await open(target, call);
        const where = usage.request ?? list.request;
        const failure = () => new KeybatonError('UNAVAILABLE', `${where}: no reading where the declaration says`);
        const about =
          usage.request === undefined
            ? (await api.items()).find(({ id }) => id === ref.id)?.item
            : (
                await api.send(
                  { host: usage.host, request: usage.request, query: {} },
                  { ...settingsOf(target), id: ref.id },
                )
              ).body;
        if (about === undefined) throw new KeybatonError('NOT_FOUND', `key ${ref.id} is gone`);
        if ('count' in usage) {
          const count = pick(usage.count, about);
          if (typeof count !== 'number') throw failure();
          return { kind: 'counter' as const, count };
        }
        // Null is the vendor's "never"; nothing at all is no answer.
        if (pick(usage.lastUsedAt.at, about) === undefined) throw failure();
        const lastUsedAt = timeOf(usage.lastUsedAt, about, failure);
        return { kind: 'timestamp' as const, ...(lastUsedAt !== undefined && { lastUsedAt }) };
      },
    }),

    killByHand: (target, ref) => killByHand(declaration, target, ref),
  };
}

/** A status alone is also what a wrong place answers: gone only when the list agrees. */
async function sureGone(api: DeclaredApi, ref: Ref): Promise<void> {
  if (!(await api.items()).some(({ id }) => id === ref.id)) return;
  throw new KeybatonError('UNAVAILABLE', `key ${ref.id} is listed and yet unknown: ask again`);
}

function textAt(path: string | undefined, item: unknown): string | undefined {
  const found = path === undefined ? undefined : pick(path, item);
  return typeof found === 'string' ? found : undefined;
}

const expiryFillings = (expiresAt: number | undefined) =>
  expiresAt === undefined
    ? {}
    : {
        'expiresAt.iso': new Date(expiresAt).toISOString(),
        'expiresAt.seconds': Math.floor(expiresAt / 1_000),
        'expiresAt.milliseconds': expiresAt,
      };
