import { z } from 'zod';

const milliseconds = z.int().min(0);

export const openAiSettings = z
  .strictObject({
    /** `proj_...`: where keys live. */
    project: z.string().regex(/^[A-Za-z0-9_-]{1,100}$/, 'expected a project id such as proj_abc'),
    /** `many-keys` only where the vendor is known to delete one key of an account and leave the others alone. */
    keys: z.enum(['service-account-per-version', 'many-keys']).default('service-account-per-version'),
    /** The account that holds the keys; only with `many-keys`. */
    serviceAccount: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,100}$/, 'expected a service account id such as svc_acct_abc')
      .optional(),
    /** What a key may do, e.g. `api.responses.write`. Empty: all that its account may. */
    scopes: z.array(z.string().min(1)).default([]),
    /** Live keys the project has room for; the vendor publishes no number. */
    maxLive: z.int().min(1).optional(),
    baseUrl: z.url().default('https://api.openai.com/v1'),
    // The vendor publishes no figure for any of the four: these are on the safe side.
    createSpread: milliseconds.default(60_000),
    revokeSpread: milliseconds.default(60_000),
    lateCreate: milliseconds.default(60_000),
    usageLag: milliseconds.default(300_000),
    callTimeout: z.int().min(100).max(15_000).default(10_000),
  })
  .refine((settings) => (settings.keys === 'many-keys') === (settings.serviceAccount !== undefined), {
    path: ['serviceAccount'],
    message: 'expected with keys: many-keys, and only there',
  });

export type OpenAiSettings = z.output<typeof openAiSettings>;
