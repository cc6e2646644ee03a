import { z } from 'zod';
import type { Target, Traits } from '../provider.ts';

const role = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,62}$/, 'a role name: a letter or _, then letters, digits, _ . - (63 at most)');
const port = z.int().min(1).max(65_535);
const endpoint = z.strictObject({ host: z.string().min(1), port: port.default(5432) });

export const postgresRolesSettings = z
  .strictObject({
    host: z.string().min(1),
    port: port.default(5432),
    /** Where consumers, and our own `verify`, connect. */
    database: z.string().min(1),
    /** Where the admin connects. Its advisory locks live there: the same for every target of one server. */
    adminDatabase: z.string().min(1).default('postgres'),
    /** The role that owns the application's objects and rights; every login is a member of it. */
    group: role,
    /** The two logins that take turns. A pair belongs to one credential. */
    pair: z.tuple([role, role]).optional(),
    /** Instead of a pair: one login per version, named by the version id. The admin may create roles. */
    roles: z.literal('per-version').optional(),
    /** Every other server on which consumers have sessions (read replicas). Usage asks them all. */
    hosts: z.array(endpoint).default([]),
    /** How long a replica may lag behind: a version may be refused, or still accepted, there. Milliseconds. */
    replicationLag: z.int().min(0).default(0),
    /** `verify` checks the certificate and its name, `require` encrypts only, `off` is for a loopback address. */
    tls: z.enum(['verify', 'require', 'off']).default('verify'),
    /** Certificate authority, PEM; default: the system's. */
    caFile: z.string().min(1).optional(),
    /** Time-out of one call, milliseconds. */
    callTimeout: z.int().min(500).max(15_000).default(10_000),
  })
  .refine((settings) => (settings.pair === undefined) !== (settings.roles === undefined), {
    message: 'write either `pair: [one, other]` or `roles: per-version`',
    path: ['pair'],
  })
  .refine((settings) => new Set([settings.group, ...(settings.pair ?? ['', ' '])]).size === 3, {
    message: 'the group and the two roles of the pair must be three different roles',
    path: ['pair'],
  });

export type PostgresRolesSettings = z.output<typeof postgresRolesSettings>;
export type PostgresTarget = Target<PostgresRolesSettings>;

export function traitsOf(settings: PostgresRolesSettings): Traits {
  const inPair = settings.pair !== undefined;
  return {
    topology: inPair ? 'dual-slot' : 'n-keys',
    maxLive: inPair ? 2 : undefined,
    createIdempotency: inPair ? 'slot-overwrite' : 'client-id',
    createSpread: settings.replicationLag,
    revokeSpread: settings.replicationLag,
    // The server itself ends a transaction of ours that is idle at the deadline; a COMMIT already sent may take a moment.
    lateCreate: 2_000,
    callTimeout: settings.callTimeout,
    usage: { kind: 'sample', lag: 0 },
    tagged: true,
    expiry: false,
  };
}
