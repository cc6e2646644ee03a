import { z } from 'zod';

const milliseconds = z.int().min(0);
const path = z.string().regex(/^\/[\w./-]{0,200}$/, 'expected a path such as /v1/models');
const field = z.string().regex(/^\w+(\.\w+){0,5}$/, 'expected a field such as data, or error.message');

/** How a vendor is asked with a key, and what its answers look like. Nothing here is a secret. */
const asking = {
  baseUrl: z.url(),
  method: z.enum(['GET', 'POST']).default('GET'),
  path: path.default('/v1/models'),
  /** The header that carries the key; `authorization` puts `Bearer` before it. */
  header: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,40}$/, 'expected a header in small letters such as authorization')
    .default('authorization'),
  /** Fields by which the vendor's own answers are known: a status alone may come from anything in between. */
  accepted: field.default('data'),
  refused: field.default('message'),
  /** Statuses that mean "no such key", and "a good key that may not". */
  refusedStatus: z.array(z.union([z.literal(401), z.literal(403)])).default([401]),
  forbiddenStatus: z.array(z.union([z.literal(401), z.literal(403)])).default([403]),
  /** Where a good answer names the organization of the key. Without it any key that works is taken. */
  organization: field.optional(),
  /** What a key must look like, where the vendor says so. */
  pattern: z
    .string()
    .max(200)
    .refine((text) => isPattern(text), 'expected a regular expression that begins with ^ and ends with $')
    .optional(),
  /** For people: where keys are made and deleted. */
  console: z.url(),
  createSpread: milliseconds.default(60_000),
  revokeSpread: milliseconds.default(60_000),
  callTimeout: z.int().min(100).max(15_000).default(10_000),
};

export const bearerKeySettings = z.strictObject(asking);
export type BearerKeySettings = z.output<typeof bearerKeySettings>;

/** What is left to say of a vendor whose answers are known. */
const knownVendorSettings = (baseUrl: string) =>
  z.strictObject({
    baseUrl: z.url().default(baseUrl),
    createSpread: asking.createSpread,
    revokeSpread: asking.revokeSpread,
    callTimeout: asking.callTimeout,
  });

export type KnownVendorSettings = z.output<ReturnType<typeof knownVendorSettings>>;

export const knownVendor = (known: z.input<typeof bearerKeySettings>) => ({
  settingsSchema: knownVendorSettings(known.baseUrl),
  full: (settings: KnownVendorSettings): BearerKeySettings => bearerKeySettings.parse({ ...known, ...settings }),
});

function isPattern(text: string): boolean {
  try {
    return text.startsWith('^') && text.endsWith('$') && new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}
