/**
 * What a declaration file may say. Its page: `docs/providers/declared.md`. Every message says what to do, since the file's
 * author sees nothing else; none repeats what was written, which may be a secret in the wrong place.
 */
import { z } from 'zod';
import { declarationProblems } from './declaration-rules.ts';
import { pathProblem } from './pick.ts';

const name = (what: string) =>
  z.string({ error: `expected ${what}` }).regex(/^[a-z][a-zA-Z0-9]{0,62}$/, {
    error: `${what} begins with a small letter and has letters and digits alone`,
  });
const words = (what: string) => z.string({ error: `expected ${what}` }).min(1, { error: `expected ${what}` });

const path = z.string({ error: 'expected a JSONPath such as $.data.id' }).superRefine((text, check) => {
  const problem = pathProblem(text);
  if (problem !== undefined) check.addIssue({ code: 'custom', message: problem });
});

const milliseconds = z.int({ error: 'expected milliseconds, a whole number' }).min(0, { error: 'expected 0 or more' });
const scalar = z.union([z.string(), z.number(), z.boolean()], { error: 'expected a text, a number, true or false' });

/** Compared with what stands at `at`: one of `is`, or a text that begins so, or merely something that is not null. */
const found = { at: path, is: z.array(scalar).min(1).optional(), begins: words('how the text begins').optional() };
const foundSchema = z.strictObject(found);
export type Found = z.output<typeof foundSchema>;

const status = z.int({ error: 'expected an HTTP status' }).min(200).max(499, {
  error: 'expected a status below 500: what a failing server says is never an answer',
});

const time = z.strictObject({
  at: path,
  unit: z.enum(['seconds', 'milliseconds', 'iso'], { error: 'expected seconds, milliseconds or iso' }),
});
export type Time = z.output<typeof time>;

const request = z
  .string({ error: 'expected a request such as GET /v1/keys' })
  .regex(/^(GET|POST|PUT|PATCH|DELETE) \/[^\s?#\\]*$/, {
    error:
      'expected a method and a path, as in GET /v1/keys: the host comes from targets.yml, and what follows a ? goes under query',
  })
  .refine((text) => !/ \/\/|\/\.{1,2}(\/|$)/.test(text), {
    error: 'a path may neither begin with // nor have the parts . and ..: it would lead to another host or place',
  });

const asked = {
  /** One of `hosts`; unsaid: the first. */
  host: words('one of the names under hosts').optional(),
  request,
  query: z.record(z.string(), z.string({ error: 'expected a text' })).default({}),
};
const withBody = { ...asked, body: z.record(z.string(), z.unknown(), { error: 'expected a body of keys' }).optional() };
export type DeclaredCall = z.output<z.ZodObject<typeof withBody>>;

const headers = z.record(
  z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, { error: 'header names are written in small letters' }),
  z.string({ error: 'expected a text' }).regex(/^[A-Za-z0-9 ._/:;=,+-]*(\{[a-z]+\})?$/, {
    error: "expected plain text, and the secret's placeholder at its end: Bearer {admin}",
  }),
);

const optional = {
  optional: z.boolean().optional(),
  /** `null` is an answer of its own: what is unlimited is said openly. */
  orNull: z.boolean().optional(),
  about: words('what the setting means').optional(),
};
const setting = z.discriminatedUnion(
  'is',
  [
    z.strictObject({ is: z.literal('text'), pattern: words('a regular expression').optional(), ...optional }),
    z.strictObject({ is: z.literal('number'), ...optional }),
    z.strictObject({ is: z.literal('flag'), ...optional }),
    z.strictObject({ is: z.literal('list'), or: z.array(z.string()).min(1).optional(), ...optional }),
    z.strictObject({ is: z.literal('choice'), of: z.array(z.string()).min(1), ...optional }),
  ],
  { error: 'expected is: text, number, flag, list or choice (with of: [...])' },
);
export type DeclaredSetting = z.output<typeof setting>;

const pages = z.discriminatedUnion(
  'by',
  [
    z.strictObject({ by: z.literal('token'), next: path, query: words('the name in the query') }),
    z.strictObject({ by: z.literal('offset'), query: words('the name in the query'), size: z.int().min(1) }),
    z.strictObject({
      by: z.literal('page'),
      query: words('the name in the query'),
      size: z.int().min(1),
      first: z.int().min(0).default(1),
    }),
  ],
  { error: 'expected by: token (with next), offset or page (with size)' },
);
export type Pages = z.output<typeof pages>;

const errorRule = z.strictObject({
  status: status.min(400),
  ...found,
  at: path.optional(),
  means: z.enum(['INVALID_CONFIG', 'ACCESS_DENIED', 'NOT_FOUND', 'CONFLICT', 'CAPACITY_EXHAUSTED', 'UNSUPPORTED'], {
    error:
      'expected INVALID_CONFIG, ACCESS_DENIED, NOT_FOUND, CONFLICT, CAPACITY_EXHAUSTED or UNSUPPORTED: each says that nothing happened',
  }),
});
export type ErrorRule = z.output<typeof errorRule>;

const verdict = z.strictObject({
  status,
  ...found,
  says: z.enum(['accepted', 'forbidden', 'refused'], { error: 'expected accepted, forbidden or refused' }),
});

const gone = z
  .array(z.union([z.literal(404), z.literal(410), z.literal(400)]), { error: 'expected statuses' })
  .default([404]);
const killing = z.strictObject({ ...withBody, gone });
export type Killing = z.output<typeof killing>;

const list = z.strictObject({
  ...asked,
  /** Where the array stands. */
  items: path,
  /** A vendor that leaves an empty array out. */
  missing: z.literal('empty', { error: 'expected empty, or nothing' }).optional(),
  pages: pages.optional(),
  id: path,
  tag: path.optional(),
  disabled: foundSchema.optional(),
  /** Items that are listed and can never work again. */
  ended: foundSchema.optional(),
  createdAt: time.optional(),
  hint: path.optional(),
});

const usage = z.union(
  [
    z.strictObject({ host: asked.host, request: request.optional(), count: path, lag: milliseconds }),
    z.strictObject({ host: asked.host, request: request.optional(), lastUsedAt: time, lag: milliseconds }),
  ],
  { error: 'expected count (a JSONPath) or lastUsedAt (at, unit), and lag in milliseconds' },
);

export const declarationSchema = z
  .strictObject({
    keybaton: z.literal(1, { error: 'expected keybaton: 1, the version of this format' }),
    name: z.string({ error: 'expected the name that targets.yml uses' }).regex(/^[a-z0-9][a-z0-9-]{0,62}$/, {
      error: 'a name has small letters, digits and dashes alone',
    }),
    /** The vendor's page that this was written from. */
    source: z.url({ error: "expected the address of the vendor's page" }),
    material: z.strictObject({
      field: z.string().regex(/^[a-z][a-z0-9_]{0,62}$/, { error: 'expected a name such as api_key' }),
      pattern: words('a regular expression').optional(),
    }),
    hosts: z
      .record(name('a name of a host'), words('what the host is for'))
      .refine((hosts) => Object.keys(hosts).length > 0, {
        error: 'name at least one host, with what it is for; its address is set in targets.yml',
      }),
    settings: z.record(name('a name of a setting'), setting).default({}),
    admin: z.strictObject({ headers }),
    traits: z.strictObject({
      createIdempotency: z.enum(['tag-search', 'list-diff'], {
        error: 'expected tag-search (a key is found by its tag) or list-diff (no place for a tag)',
      }),
      maxLive: z.int().min(1).optional(),
      createSpread: milliseconds,
      revokeSpread: milliseconds,
      lateCreate: milliseconds,
    }),
    issue: z.strictObject({ ...withBody, secret: path, id: path, expiresAt: time.optional() }),
    list,
    verify: z.strictObject({
      ...withBody,
      headers,
      verdicts: z.array(verdict).min(2, { error: 'expected at least one accepted and one refused' }),
    }),
    revoke: killing,
    suspend: killing.optional(),
    resume: killing.optional(),
    usage: usage.optional(),
    errors: z.array(errorRule).default([]),
    /** Where a person finds the keys: shown at 3 a.m., never called. */
    console: words('where a person finds the keys'),
    /** Only where the vendor documents it: how a workload does without a stored key. Told by `keybaton advise`. */
    keyless: z
      .strictObject({
        by: words('what a workload uses instead of a key'),
        page: z.url({ protocol: /^https$/, error: "expected the https address of the vendor's page on it" }),
      })
      .optional(),
  })
  .superRefine((declaration, check) => {
    for (const { path: at, message } of declarationProblems(declaration))
      check.addIssue({ code: 'custom', path: [...at], message });
  });

export type Declaration = z.output<typeof declarationSchema>;
