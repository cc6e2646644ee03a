import { z } from 'zod';
import { clusterSchema, type ClusterPlace } from './clusters.ts';
import { channelSchema, type NotifyChannel } from './notify.ts';
import { secretReference } from './reference-schema.ts';
import { duration, name, path, record } from './schema-parts.ts';

/** `targets.yml`, the platform team's file: everything an inventory author must not be able to choose. */
const adminReference = secretReference('an admin credential', 'env:OPENAI_ADMIN_KEY');

const settings = z.record(z.string(), z.unknown(), { error: 'expected settings as keys and values' });

/** A path prefix: whole segments, with or without the closing slash. */
const prefix = z
  .string({ error: 'expected a path prefix such as ai/prod/' })
  .transform((text) => (text.endsWith('/') ? text.slice(0, -1) : text))
  .pipe(path)
  .meta({ examples: ['ai/prod/'] });

const probeUrl = z
  .string({ error: 'expected the https address of a probe' })
  .refine((text) => URL.canParse(text) && isProbeUrl(new URL(text)), {
    error: 'expected an https address (http only for this machine) without user, password or fragment',
  });

function isProbeUrl(url: URL): boolean {
  const local = ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  const scheme = url.protocol === 'https:' || (url.protocol === 'http:' && local);
  return scheme && url.username === '' && url.password === '' && url.hash === '';
}

export const targetSchema = record({
  provider: name.meta({ description: 'the adapter: what makes and kills versions here' }),
  environment: name.meta({ description: 'the only environment whose credentials may name this target' }),
  settings: settings.default({}).meta({ description: 'what the adapter needs to know; holds no secret' }),
  admin: adminReference.meta({ description: 'where the admin credential is read from at the moment of use' }),
  secondAdmin: adminReference
    .optional()
    .meta({ description: 'used when the first cannot be read, or the provider refuses it: after a leak, say' }),
  teams: z
    .array(name, { error: 'expected the list of teams whose entries may name this target' })
    .min(1, { error: 'expected at least one team' })
    .meta({ description: 'teams whose entries may name this target' }),
  paths: z
    .array(prefix, { error: 'expected a list of path prefixes' })
    .min(1, { error: 'expected at least one path prefix' })
    .default(['ai'])
    .meta({ description: 'where its credentials may be stored' }),
  rateLimit: record({
    calls: z.int({ error: 'expected a whole number of calls' }).min(1, { error: 'expected at least 1 call' }),
    per: duration,
  })
    .optional()
    .meta({ description: 'calls to the provider, over all workers' }),
  drills: z
    .enum(['on-demand', 'scheduled'], { error: 'expected on-demand or scheduled' })
    .optional()
    .meta({ description: 'scheduled: the sweep drills its credentials by tier, which mints real keys here' }),
  expiry: duration
    .optional()
    .meta({ description: 'the provider ends every version by itself, at the latest this long after it was made' }),
  probes: z
    .record(z.string(), probeUrl, { error: 'expected probe names with their addresses' })
    .default({})
    .meta({ description: 'addresses that consumers may be asked at, by name' }),
});

export const backendSchema = record({
  kind: name.meta({ description: 'the adapter: where versions are kept' }),
  settings: settings.default({}).meta({ description: 'what the adapter needs to know; holds no secret' }),
  admin: adminReference
    .optional()
    .meta({ description: 'where the admin credential is read from at the moment of use' }),
  environment: name.optional().meta({ description: 'only for credentials of this environment' }),
  path: z
    .string({ error: 'expected a path template' })
    .regex(/^[A-Za-z0-9_./{}-]{1,300}$/, {
      error: 'expected a path template of letters, digits, / _ . - and {placeholders}',
    })
    .default('ai/{environment}/providers/{provider}/keys/{application}')
    .meta({ description: 'path of an entry that names none; may use {provider}, {environment} and {application}' }),
});

export const targetsFileSchema = record({
  targets: z.record(z.string(), targetSchema, { error: 'expected targets by name' }),
  backends: z.record(z.string(), backendSchema, { error: 'expected backends by name' }),
  clusters: z
    .record(z.string(), clusterSchema, { error: 'expected clusters by name' })
    .optional()
    .meta({ description: 'where consumers run, for rolled-out evidence and for being told of new versions' }),
  notify: z
    .record(z.string(), channelSchema, { error: 'expected channels by name' })
    .optional()
    .meta({ description: 'who outside keybaton is told of alarms, incidents and rotations' }),
});

export type Target = z.output<typeof targetSchema>;
export type BackendPlace = z.output<typeof backendSchema>;

/** All maps by name. Settings are kept as written: the adapter's schema reads them again where they are used. */
export interface Targets {
  readonly targets: Readonly<Record<string, Target>>;
  readonly backends: Readonly<Record<string, BackendPlace>>;
  /** Absent where an earlier build applied it, or no consumer runs in one. */
  readonly clusters?: Readonly<Record<string, ClusterPlace>> | undefined;
  /** Absent where an earlier build applied it, or nobody is told. */
  readonly notify?: Readonly<Record<string, NotifyChannel>> | undefined;
}

/** Targets as the ledger keeps them: durations in milliseconds already. Throws TypeError when a newer build wrote them. */
export function asTargets(kept: unknown): Targets {
  if (typeof kept !== 'object' || kept === null || !('targets' in kept) || !('backends' in kept)) {
    return { targets: {}, backends: {} };
  }
  // Written by `apply` from a checked `Targets`, hash-chained since: not checked a second time.
  return kept as Targets;
}
