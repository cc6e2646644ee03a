import { z } from 'zod';
import type { KeyAdvice } from '../../domain/key-advice.ts';
import type { Target, Traits } from '../provider.ts';

/** What gives more than one application needs; it must be said aloud. */
const everything = /^(\.\*|\^?\.\*\$?|\.\+|)$/;

const resources = z
  .string()
  .min(1)
  .max(500)
  .refine((text) => isExpression(text), 'a regular expression over names of queues and exchanges');

export const rabbitMqSettings = z
  .strictObject({
    /** Base address of the management plugin: https://host:15671; plain http only for a loopback address. */
    url: z.url(),
    /** Where consumers, and our own `verify`, log in by AMQP. */
    host: z.string().min(1),
    port: z.int().min(1).max(65_535).optional(),
    vhost: z.string().min(1).max(200).default('/'),
    /** Users of this target are `<users>-<installation>-<version id>`; whoever else begins so is taken for one of them. */
    users: z
      .string()
      .regex(/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/, 'small letters, digits and - (40 at most)')
      .default('keybaton'),
    /** Which queues and exchanges a version may declare, write to, and read from. `^$` is none. */
    configure: resources.default('^$'),
    write: resources.default('^$'),
    read: resources.default('^$'),
    /** Without it, none of the three may be everything (`.*`). */
    wide: z.literal(true).optional(),
    /** `verify` checks the certificate and its name, `off` is for a loopback address. For AMQP. */
    tls: z.enum(['verify', 'off']).default('verify'),
    /** Certificate authority for both, PEM; default: the system's. */
    caFile: z.string().min(1).optional(),
    /** Time-out of one call, milliseconds. */
    callTimeout: z.int().min(500).max(15_000).default(10_000),
  })
  .refine(({ tls, host }) => tls !== 'off' || /^(localhost|127(\.\d{1,3}){3}|::1)$/.test(host), {
    message: 'without tls the passwords would cross the network in clear text: `off` is for a loopback address',
    path: ['tls'],
  })
  .refine(
    ({ wide, configure, write, read }) =>
      wide === true || ![configure, write, read].some((one) => everything.test(one)),
    { message: 'that is every queue and exchange: say `wide: true` if an application needs it', path: ['configure'] },
  );

function isExpression(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}

export type RabbitMqSettings = z.output<typeof rabbitMqSettings>;
export type RabbitMqTarget = Target<RabbitMqSettings>;

export const traitsOf = ({ callTimeout }: RabbitMqSettings): Traits => ({
  topology: 'n-keys',
  maxLive: undefined,
  createIdempotency: 'client-id',
  createSpread: 0,
  revokeSpread: 0,
  // A request that was sent in time and that the server reads when it is done with a slow one.
  lateCreate: 10_000,
  callTimeout,
  usage: { kind: 'sample', lag: 0 },
  tagged: true,
  expiry: false,
});

export const adviceOf = ({ host, vhost, configure, write, read }: RabbitMqSettings): KeyAdvice => ({
  wide: Object.entries({ configure, write, read })
    .filter(([, expression]) => everything.test(expression))
    .map(([right, expression]) => ({
      fact: `${right} is ${expression}: a user may ${right} every queue and exchange of ${vhost}`,
      fix: `write ${right}: with the names that its consumers use, such as ^jobs\\., and take wide out,`,
    })),
  place: `vhost ${vhost} at ${host}`,
});
