import { z } from 'zod';
import type { KeyAdvice } from '../../domain/key-advice.ts';
import type { Target, Traits } from '../provider.ts';

const node = { host: z.string().min(1), port: z.int().min(1).max(65_535).default(6379) };
const pattern = z.string().regex(/^[^\s"'\\]{1,200}$/, 'a pattern of redis: no blanks, quotes or backslashes');
const rule = z
  .string()
  .regex(/^[+-](@[a-z]+|[a-z][a-z0-9._-]*(\|[a-z][a-z0-9-]*)?)$/, 'a rule such as +@read, -@dangerous, +publish');

/** What gives more than one application needs; it must be said aloud. */
const wideRules = ['+@all', '+@admin', '+@dangerous', '+@scripting', '+acl', '+config', '+module', '+debug', '+client'];
const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|::1)$/.test(host);

export const redisSettings = z
  .strictObject({
    ...node,
    /** Every other node that keeps a list of users of its own: redis copies keys to replicas and shards, never users. */
    hosts: z.array(z.strictObject(node)).default([]),
    /** Users of this target are `<users>-<installation>-<version id>`; whoever else begins so is taken for one of them. */
    users: z
      .string()
      .regex(/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/, 'small letters, digits and - (40 at most)')
      .default('keybaton'),
    /** Keys that a version may touch, as `app:*`, `%R~app:*` (read) or `%W~app:*` (write). None by default. */
    keys: z.array(pattern).default([]),
    /** Channels that it may subscribe to and publish on. None by default. */
    channels: z.array(pattern).default([]),
    /** What it may do, in this order. `ping` is always allowed. */
    commands: z.array(rule).default(['+@read']),
    /** Without it, neither every key nor commands that reach beyond the keys above are given. */
    wide: z.literal(true).optional(),
    /**
     * How users outlive a restart: `acl-save` (aclfile), `config-rewrite` (redis.conf), or `by-hand`: somebody else sees to
     * it. What is not saved comes back with a restart, a dead version among it.
     */
    persist: z.enum(['acl-save', 'config-rewrite', 'by-hand']).default('acl-save'),
    /** `verify` checks the certificate and its name, `require` encrypts only, `off` is for a loopback address. */
    tls: z.enum(['verify', 'require', 'off']).default('verify'),
    /** Certificate authority, PEM; default: the system's. */
    caFile: z.string().min(1).optional(),
    /** Time-out of one call, milliseconds. */
    callTimeout: z.int().min(500).max(15_000).default(10_000),
  })
  .refine((settings) => settings.tls !== 'off' || [settings, ...settings.hosts].every(({ host }) => isLoopback(host)), {
    message: 'without tls the passwords would cross the network in clear text: `off` is for a loopback address',
    path: ['tls'],
  })
  .refine((settings) => settings.wide === true || wideIn(settings).length === 0, {
    message: 'that is every key, or commands that reach beyond them: say `wide: true` if an application needs it',
    path: ['commands'],
  });

function wideIn({ keys, commands }: { readonly keys: readonly string[]; readonly commands: readonly string[] }) {
  return [
    ...keys.filter((key) => /^(%[RW]+~)?\**$/.test(key)),
    ...commands.filter((command) => wideRules.includes(command) || /^\+(acl|config|module|debug)\|/.test(command)),
  ];
}

export type RedisSettings = z.output<typeof redisSettings>;
export type RedisTarget = Target<RedisSettings>;

export interface Node {
  readonly host: string;
  readonly port: number;
}

export const nodesOf = ({ host, port, hosts }: RedisSettings): readonly [Node, ...Node[]] => [{ host, port }, ...hosts];

export const traitsOf = ({ callTimeout }: RedisSettings): Traits => ({
  topology: 'n-keys',
  maxLive: undefined,
  createIdempotency: 'client-id',
  createSpread: 0,
  revokeSpread: 0,
  // A command that was sent in time and that the server reads when it is done with a slow one.
  lateCreate: 5_000,
  callTimeout,
  usage: { kind: 'sample', lag: 0 },
  tagged: true,
  expiry: false,
});

export const adviceOf = (settings: RedisSettings): KeyAdvice => {
  const found = wideIn(settings);
  return {
    wide:
      found.length === 0
        ? []
        : [
            {
              fact: `a user has ${found.join(' ')}: every key, or commands that reach beyond its keys`,
              fix: 'write keys: and commands: with what its consumers use, such as [app:*] and [+@read], and take wide out,',
            },
          ],
    place: `server ${settings.host}:${settings.port}`,
  };
};
