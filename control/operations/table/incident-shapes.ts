import { z } from 'zod';
import { moments } from '../../../domain/incident.ts';
import { count, credentialId, credentials, instant, list, maybe, name, nextShape, texts, versionId } from './shapes.ts';

const policy = z.enum(['revoke-first', 'replace-first', 'standby']);

/** What an emergency is declared over: credentials add up, the rest narrows, each further. */
export const scopeFields = {
  credentials: z.array(credentialId).max(1_000).default([]).meta({ description: 'these, all of them' }),
  provider: name.optional().meta({ description: 'every key of this provider' }),
  team: name.optional().meta({ description: 'every key of this team' }),
  environment: name.optional().meta({ description: 'every key of this environment' }),
  group: name.optional().meta({ description: 'every key with this mark' }),
  backend: name.optional().meta({ description: 'every key that is kept in this backend' }),
  leakSource: name.optional().meta({ description: 'everything that this consumer reads' }),
} as const;

const deadAlready = list(z.object({ credential: credentialId, version: versionId, at: instant }));

export const blastShape = z.object({
  scope: z.string(),
  source: z.enum(['ledger', 'kill sheet', 'provider lists', 'provider hints', 'stored values', 'nothing known']),
  troubles: texts,
  keys: list(
    z.object({
      credential: credentialId,
      version: versionId,
      fate: z.string().nullable(),
      target: z.string(),
      refs: texts,
      policy,
      killIn: z.number(),
      onlyByHand: z.boolean(),
      consumers: texts.nullable(),
    }),
  ),
  policies: list(z.object({ policy, keys: count, what: z.string() })),
  consumers: texts.nullable(),
  dependents: credentials.nullable(),
  byHand: list(z.object({ credential: credentialId, version: versionId, text: texts })),
  deadAlready,
  shapes: texts,
  elsewhere: z
    .object({ dependents: count, deadAlready: count })
    .meta({ description: 'how many there are beside those named, of credentials that the caller may not see' }),
  mustCount: z.boolean(),
});

export const incidentViewShape = z.object({
  now: instant,
  incident: z.string(),
  declaredAt: instant,
  who: z.string().nullable(),
  why: z.string().nullable(),
  scope: z.string(),
  drill: z.boolean(),
  keys: count,
  counts: z.object({
    contained: count,
    dead: count,
    replaced: count.nullable(),
    confirmed: count.nullable(),
  }),
  clock: list(
    z.object({ moment: z.enum(moments), plannedAt: z.number(), reachedAt: z.number().nullable(), late: z.boolean() }),
  ),
  open: list(
    z.object({
      credential: credentialId,
      version: versionId,
      keyId: z.string().exactOptional(),
      state: z.enum(['not contained', 'revoked, not yet dead', 'not replaced', 'not confirmed']),
      why: z.string(),
      again: maybe(instant),
      person: z.boolean(),
    }),
  ),
  more: count,
  running: z.boolean(),
  closedAt: instant.nullable(),
  closedBy: z.string().nullable(),
  unimported: z.boolean(),
  troubles: texts,
  next: nextShape,
});

export const incidentLineShape = z.object({
  incident: z.string(),
  declaredAt: instant,
  who: z.string(),
  why: z.string(),
  scope: z.string(),
  drill: z.boolean(),
  keys: count,
  contained: count,
  dead: count,
  closedAt: instant.nullable(),
  unimported: z.boolean(),
});

export const byValueShape = z.object({ provider: z.string().nullable(), text: z.string() }).nullable();
