import { z } from 'zod';

const path = z
  .string()
  .regex(/^[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)*$/, 'a path like ai/prod, without / at its ends')
  .optional();

export const googleSettings = z.strictObject({
  /** Project id or number. */
  project: z.string().regex(/^[a-z0-9][a-z0-9:.-]{2,62}$/, 'a project id or number'),
  /** Of a region (https://secretmanager.europe-west3.rep.googleapis.com) or of a private connection. */
  endpoint: z.url({ protocol: /^https?$/ }).default('https://secretmanager.googleapis.com'),
  /** With a regional endpoint: its location, such as europe-west3. */
  location: z
    .string()
    .regex(/^[a-z0-9-]{1,40}$/)
    .optional(),
  /**
   * `application-default`: what Google's libraries find (workload identity, federation). `key`: the admin secret is a service
   * account's key, as JSON. `token`: it is an access token, which something else keeps fresh.
   */
  auth: z
    .strictObject({ method: z.enum(['application-default', 'key', 'token']) })
    .default({ method: 'application-default' }),
  /** What consumers ask for: the newest version, or the one that an alias names. */
  readBy: z
    .discriminatedUnion('what', [
      z.strictObject({ what: z.literal('latest') }),
      z.strictObject({
        what: z.literal('alias'),
        alias: z
          .string()
          .regex(/^(?!latest$|NEW$)[A-Za-z][A-Za-z0-9_-]{0,62}$/, 'a letter, then letters, digits, - and _')
          .default('keybaton-current'),
      }),
    ])
    .default({ what: 'latest' }),
  /** First part of the names of secrets that hold staged versions: no consumer's policy may match it. */
  stagingPrefix: z
    .string()
    .regex(/^[A-Za-z0-9]([A-Za-z0-9-]{0,38}[A-Za-z0-9])?$/, 'letters, digits and -')
    .default('keybaton-staging'),
  /** Paths lie below it, and it is left out of the names of secrets. */
  root: path,
  /** Where secrets made by keybaton are kept; unsaid: replicated automatically. */
  locations: z
    .array(z.string().regex(/^[a-z0-9-]{1,40}$/))
    .min(1)
    .optional(),
  /** Milliseconds for one HTTP call. */
  timeout: z.number().int().min(100).max(15_000).default(8_000),
});

export type GoogleSettings = z.output<typeof googleSettings>;
