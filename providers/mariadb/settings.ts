import { z } from 'zod';
import type { KeyAdvice } from '../../domain/key-advice.ts';
import type { Target, Traits } from '../provider.ts';

const port = z.int().min(1).max(65_535);
const name = (most: number) => z.string().regex(new RegExp(`^[A-Za-z0-9_$-]{1,${most}}$`), 'letters, digits, _ $ -');

/** What can be given on one database. Not among them: grant option, and `all`, which nobody reads. */
const privileges = [
  ...['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'EXECUTE', 'SHOW VIEW', 'LOCK TABLES', 'CREATE TEMPORARY TABLES'],
  ...['CREATE', 'ALTER', 'DROP', 'INDEX', 'REFERENCES', 'CREATE VIEW', 'TRIGGER', 'EVENT'],
  ...['CREATE ROUTINE', 'ALTER ROUTINE'],
] as const;

export const mariadbSettings = z
  .strictObject({
    host: z.string().min(1),
    port: port.default(3306),
    /** Where consumers, and our own `verify`, connect; what the privileges are given on. */
    database: name(64),
    /** What a version may do in the database. Left out, and without a role: read. */
    privileges: z.array(z.enum(privileges)).min(1).optional(),
    /** Instead of privileges: a role that has them, given to each version and active from its login on. */
    role: name(32).optional(),
    /** From where a version may log in: the host part of its account. */
    from: z
      .string()
      .regex(/^[A-Za-z0-9.:_%/-]{1,60}$/, 'an address, a pattern as 10.1.%, or %')
      .default('%'),
    /** Every other server on which consumers have sessions (replicas). Usage asks them all. */
    hosts: z.array(z.strictObject({ host: z.string().min(1), port: port.default(3306) })).default([]),
    /** How long a replica may lag behind: a version may be refused, or still accepted, there. Milliseconds. */
    replicationLag: z.int().min(0).default(0),
    /** `verify` checks the certificate and its name, `require` encrypts only, `off` is for a loopback address. */
    tls: z.enum(['verify', 'require', 'off']).default('verify'),
    /** Certificate authority, PEM; default: the system's. */
    caFile: z.string().min(1).optional(),
    /** Time-out of one call, milliseconds. */
    callTimeout: z.int().min(500).max(15_000).default(10_000),
  })
  .refine(({ role, privileges: some }) => role === undefined || some === undefined, {
    message: 'write either `privileges` or a `role` that has them',
    path: ['role'],
  });

export type MariadbSettings = z.output<typeof mariadbSettings>;
export type MariadbTarget = Target<MariadbSettings>;

/** The narrowest that is of any use. */
export const privilegesOf = ({ privileges: said }: MariadbSettings): readonly string[] => said ?? ['SELECT'];

export function traitsOf({ replicationLag, callTimeout }: MariadbSettings): Traits {
  return {
    topology: 'n-keys',
    maxLive: undefined,
    createIdempotency: 'client-id',
    createSpread: replicationLag,
    revokeSpread: replicationLag,
    // The server itself gives up a statement of ours that waits for a lock until the deadline.
    lateCreate: 2_000,
    callTimeout,
    usage: { kind: 'sample', lag: 0 },
    tagged: true,
    expiry: false,
  };
}

export const adviceOf = ({ host, port: at, database, from }: MariadbSettings): KeyAdvice => ({
  unlimited:
    from !== '%'
      ? []
      : [
          {
            fact: 'from is %: a login works from every address that reaches the server',
            fix: 'write from: with the network of its consumers, such as 10.1.%,',
          },
        ],
  place: `database ${database} at ${host}:${at}`,
});
