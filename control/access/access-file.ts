import { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import { channelSchema } from '../../inventory/notify.ts';
import { problemText } from '../../inventory/problem.ts';
import { secretReference } from '../../inventory/reference-schema.ts';
import { credentialId, duration, name, record } from '../../inventory/schema-parts.ts';
import { readYaml } from '../../inventory/yaml-source.ts';
import { problemsOf } from '../../inventory/zod-problems.ts';
import { roles } from './principal.ts';

/** `access.yml`, the security team's file: who may sign in, what they may do, and who is woken. Holds no secret. */
const day = 86_400_000;
const local = ['127.0.0.1', '[::1]', 'localhost'];

export const siteAddress = (what: string) =>
  z.string({ error: `expected ${what}` }).refine(isPlainAddress, {
    error: `expected ${what}: https (http only for this machine), without user, password, query or fragment`,
  });

function isPlainAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  const scheme = url.protocol === 'https:' || (url.protocol === 'http:' && local.includes(url.hostname));
  return scheme && url.username === '' && url.password === '' && url.hash === '' && url.search === '';
}

const text = (what: string) =>
  z
    .string({ error: `expected ${what}` })
    .min(1, { error: `expected ${what}` })
    .max(300, { error: `expected ${what}, at most 300 characters` });

const some = (what: string) =>
  z
    .array(name, { error: `expected a list of ${what}` })
    .min(1, { error: `expected at least one of the ${what}; leave the key out for all` })
    .optional()
    .meta({ description: `only for these ${what}; left out: for all` });

export const personRoles = roles.filter((role) => role !== 'consumer');
const scope = { environments: some('environments'), teams: some('teams'), groups: some('groups') };
const role = z
  .enum(personRoles, { error: `expected one of ${personRoles.join(', ')}` })
  .meta({ description: 'what it allows stands in docs/access.md' });

const issuer = record({
  issuer: siteAddress('the address of an OpenID Connect issuer'),
  clientId: text('the client id that the issuer knows keybaton by'),
  clientSecret: secretReference('the client secret', 'env:KEYBATON_CLIENT_SECRET')
    .optional()
    .meta({ description: 'left out for a public client: PKCE protects the code in either case' }),
  scopes: z.array(text('a scope')).default(['openid', 'email', 'groups']),
  groupsClaim: text('the claim that lists groups').default('groups'),
  nameClaim: text('the claim to show people by').default('email'),
});

const grant = record({
  group: text('a group as the issuer names it').optional(),
  person: text('the subject of one person, as the issuer names them for ever').optional(),
  issuer: name.optional().meta({ description: 'whose group or person; may be left out where there is one issuer' }),
  role,
  ...scope,
}).refine((one) => (one.group === undefined) !== (one.person === undefined), {
  error: 'expected either group or person',
});

const breakGlass = record({
  sha256: z
    .string({ error: 'expected the SHA-256 of the token, as `keybaton access break-glass` prints it' })
    .regex(/^[0-9a-f]{64}$/, { error: 'expected the SHA-256 of the token in hex, never the token itself' }),
  role: role.default('security'),
  until: z.iso.date({ error: 'expected a day such as 2027-06-30' }).optional(),
  ...scope,
});

const workloadRule = record({
  subject: text('the subject of a workload, with * for any part').meta({
    examples: ['system:serviceaccount:search:bot', 'repo:acme/bot:ref:refs/heads/main'],
  }),
  claims: z
    .record(z.string(), text('the value that the claim must have'), { error: 'expected claims by name' })
    .default({})
    .meta({ description: 'further claims that must be exactly so' }),
  credential: credentialId,
  consumer: name,
});

const workload = record({
  issuer: text('the issuer as its tokens name it'),
  audience: text('the audience that its tokens must name: keybaton alone'),
  jwks: z
    .union([siteAddress('the address of its public keys'), z.string().regex(/^file:\//)], {
      error: 'expected the https address of its public keys, or file:/path of a copy',
    })
    .meta({ description: 'where its public keys are: an https address, or file:/path' }),
  longest: duration.default(day).meta({ description: 'a token that was made for longer than this is refused' }),
  rules: z.array(workloadRule, { error: 'expected a list of rules' }).min(1, { error: 'expected at least one rule' }),
});

export const accessFileSchema = record({
  url: siteAddress('the address at which people reach keybaton').optional(),
  session: duration
    .refine((ms) => ms >= 60_000 && ms <= day, { error: 'expected between 1m and 24h' })
    .prefault('8h')
    .meta({ description: 'how long a sign-in lasts' }),
  sessionsSince: z.iso
    .datetime({ offset: true, error: 'expected a time such as 2026-11-23T12:00:00Z' })
    .optional()
    .meta({ description: 'every sign-in from before it counts no more' }),
  issuers: z.record(name, issuer, { error: 'expected issuers by name' }).default({}),
  grants: z.array(grant, { error: 'expected a list of grants' }).default([]),
  breakGlass: z.record(name, breakGlass, { error: 'expected break-glass tokens by name' }).default({}),
  workloads: z.record(name, workload, { error: 'expected issuers of workloads by name' }).default({}),
  notify: z
    .record(name, channelSchema, { error: 'expected channels by name' })
    .default({})
    .meta({ description: 'who is woken when the glass is broken' }),
}).superRefine((file, context) => {
  const complain = (path: (string | number)[], message: string): void =>
    context.addIssue({ code: 'custom', path, message });
  const names = Object.keys(file.issuers);
  if (names.length > 0 && file.url === undefined)
    complain(['issuers'], 'an issuer sends people back: say `url`, the address at which they reach keybaton');
  file.grants.forEach((one, index) => {
    if (one.issuer !== undefined && !names.includes(one.issuer))
      complain(['grants', index, 'issuer'], 'no issuer of this name stands under issuers');
    if (one.issuer === undefined && names.length !== 1)
      complain(['grants', index], 'say whose group or person it is: issuer');
  });
  if (Object.keys(file.breakGlass).length > 0 && Object.keys(file.notify).length === 0)
    complain(['breakGlass'], 'somebody must be woken when the glass is broken: say who under notify');
});

export type AccessFile = z.output<typeof accessFileSchema>;
export type IssuerPlace = AccessFile['issuers'][string];
export type WorkloadPlace = AccessFile['workloads'][string];

/** INVALID_CONFIG with every mistake and its place; never a value of the file. */
export function parseAccess(content: string, path: string): AccessFile {
  const source = readYaml('inventory', content);
  const read = accessFileSchema.safeParse(source.content ?? {});
  const problems =
    source.problems.length > 0
      ? source.problems
      : read.success
        ? []
        : problemsOf(read.error, source.content, 'inventory', []).map((one) => source.place(one));
  if (read.success && problems.length === 0) return read.data;
  const lines = problems.map((one) => problemText(one, { targets: path, inventory: path }));
  throw new KeybatonError('INVALID_CONFIG', `the access file cannot be used: ${lines.join('; ')}`);
}
