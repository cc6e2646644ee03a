import { z } from 'zod';
import { evidenceKinds } from '../domain/entry.ts';
import { workloadSchema } from './clusters.ts';
import { credentialId, duration, name, path, reason, record } from './schema-parts.ts';
import { freezeForms, parseFreeze } from './freezes.ts';
import { parseWindow, windowForms } from './windows.ts';

/** `inventory.yml`, an application team's file: credentials that name a target and can set none of what it says. */
const window = readBy(parseWindow, windowForms);
const freeze = readBy(parseFreeze, freezeForms);

/** A text that a parser of ours reads; its complaint becomes the file's. */
function readBy<Read>(parse: (text: string) => Read, forms: string): z.ZodType<Read, string> {
  return z.string({ error: `expected ${forms}` }).transform((text, context) => {
    try {
      return parse(text);
    } catch {
      context.addIssue({ code: 'custom', message: `expected ${forms}` });
      return z.NEVER;
    }
  });
}

const scheduleSchema = record({
  every: duration.optional().meta({ description: 'how long a version stays current; 90d unless said otherwise' }),
  jitter: duration.optional().meta({ description: 'spreads due dates: each entry is later by a fixed share of this' }),
  window: z
    .union([window, z.array(window)], { error: `expected ${windowForms}, or a list of them` })
    .optional()
    .meta({ description: 'when scheduled rotations may start (UTC)' }),
  freeze: z
    .union([freeze, z.array(freeze)], { error: `expected ${freezeForms}, or a list of them` })
    .optional()
    .meta({ description: 'days on which no scheduled rotation starts (UTC, both days included)' }),
});

const backendUse = record({
  backend: name.meta({ description: 'a backend named in targets.yml' }),
  path: path.optional().meta({ description: 'where consumers read it; the backend has a default' }),
  fields: z
    .record(z.string().min(1), z.string(), { error: 'expected field names with their templates' })
    .optional()
    .meta({ description: 'field in the store -> template of material fields, e.g. {password|url}' }),
});

const demand = z.enum(evidenceKinds, { error: `expected one of ${evidenceKinds.join(', ')}` });

const consumerSchema = record({
  name: name.meta({ description: 'the workload, by the name it registers with' }),
  kind: z.enum(['service', 'job']).default('service').meta({ description: 'a job proves at its next run' }),
  demand: demand.optional().meta({ description: 'what it must show before the old version may die' }),
  deadline: duration.optional().meta({ description: 'watched time after which people are told' }),
  without: z
    .enum(['hold', 'roll-back'])
    .default('hold')
    .meta({ description: 'without proof: hold, or hold and offer a roll-back' }),
  probe: name.optional().meta({ description: 'where to ask it, by the name of a probe of its target' }),
  reader: z
    .string({ error: 'expected who it is to the backend, such as role:web' })
    .regex(
      /^(role:[A-Za-z0-9_.-]{1,256}|service-account:[a-z0-9.-]{1,253}\/[a-z0-9.-]{1,253}|entity:[A-Za-z0-9-]{1,128})$/,
      'expected role:<name>, service-account:<namespace>/<name> or entity:<id>',
    )
    .optional()
    .meta({
      description:
        'who it is to the backend, for observed-read: role:<name>, service-account:<namespace>/<name>, entity:<id>',
    }),
  kubernetes: workloadSchema.optional(),
});

export const entrySchema = record({
  target: name.meta({ description: 'a target named in targets.yml' }),
  team: name.meta({ description: 'one of the teams at the top of this file' }),
  contact: z
    .string({ error: 'expected text' })
    .min(1, { error: 'expected text' })
    .max(200, { error: 'expected at most 200 characters' })
    .optional(),
  groups: z.array(name, { error: 'expected a list of names' }).default([]),
  tier: z.enum(['critical', 'standard', 'low']).default('standard').meta({ description: 'sets the defaults' }),
  mode: z
    .enum(['observe', 'ask', 'automatic'])
    .optional()
    .meta({ description: 'watch and report; stop before revoking; or go through' }),
  schedule: scheduleSchema.optional(),
  backends: z
    .array(z.union([name, backendUse], { error: 'expected the name of a backend, or {backend, path, fields}' }), {
      error: 'expected a list of backends',
    })
    .min(1, { error: 'expected at least one backend' })
    .optional()
    .meta({ description: 'where versions are kept; may be left out when targets.yml names only one' }),
  consumers: z
    .union([z.array(consumerSchema), record({ none: reason })], {
      error: 'expected a list of consumers, or {none: the reason why there are none}',
    })
    .meta({ description: 'who uses it; an empty list cannot tell, and holds every revocation' }),
  silence: z
    .union([duration, record({ no: reason })], {
      error: 'expected a duration such as 6h, or {no: the reason why silence is not asked for}',
    })
    .optional()
    .meta({ description: 'how long the old version must be silent before it dies' }),
  soak: duration
    .optional()
    .meta({ description: 'how long it stays suspended (or waits after the last proof) before it is revoked' }),
  emergency: record({
    policy: z.enum(['revoke-first', 'replace-first', 'standby']).default('revoke-first'),
    bound: duration.optional().meta({ description: 'replace-first: killed anyway this long after declaration' }),
  }).optional(),
  standby: z
    .boolean({ error: 'expected true or false' })
    .optional()
    .meta({ description: 'keep a spare version, stored and ready' }),
  dependents: z.array(credentialId).default([]).meta({ description: 'rotated after this one in an emergency' }),
  apartFrom: z.array(credentialId).default([]).meta({ description: 'must not rotate while this one does' }),
  movedFrom: credentialId.optional().meta({ description: 'the id under which this entry was known before' }),
});

export type WrittenEntry = z.output<typeof entrySchema>;

export const inventoryFileSchema = record({
  teams: z
    .array(name, { error: 'expected the list of teams this file belongs to' })
    .min(1, { error: 'expected at least one team' }),
  credentials: z.record(z.string(), entrySchema, { error: 'expected entries by credential id' }),
});
