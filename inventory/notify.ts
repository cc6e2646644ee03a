import { z } from 'zod';
import { secretReference } from './reference-schema.ts';
import { record } from './schema-parts.ts';

/** `notify:` of targets.yml: who outside is told, by which channel. Holds references to secrets, never one of them. */
const yes = (fallback: boolean, description: string) =>
  z.boolean({ error: 'expected true or false' }).default(fallback).meta({ description });

interface TellsByDefault {
  readonly alarms: 'all' | 'pages' | 'none';
  readonly incidents: boolean;
  readonly drills: boolean;
  readonly rotations: boolean;
}

const tells = (byDefault: TellsByDefault) =>
  record({
    alarms: z
      .enum(['all', 'pages', 'none'], { error: 'expected one of all, pages, none' })
      .default(byDefault.alarms)
      .meta({ description: 'alarms: all, those that wake somebody, or none' }),
    incidents: yes(byDefault.incidents, 'incidents, from declared to closed'),
    drills: yes(byDefault.drills, 'incidents that are drills'),
    rotations: yes(byDefault.rotations, 'ends of normal rotations'),
  }).default(byDefault);

const address = z
  .string({ error: 'expected the https address of a channel' })
  .refine((text) => URL.canParse(text) && isPlainAddress(new URL(text)), {
    error: 'expected an https address (http only for this machine) without user, password, query or fragment',
  });

function isPlainAddress(url: URL): boolean {
  const local = ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  const scheme = url.protocol === 'https:' || (url.protocol === 'http:' && local);
  return scheme && url.username === '' && url.password === '' && url.hash === '' && url.search === '';
}

export const channelSchema = z.discriminatedUnion(
  'kind',
  [
    record({
      kind: z.literal('webhook'),
      url: address.meta({ description: 'where notices are posted; holds no secret' }),
      secret: secretReference('the key that signs', 'env:WEBHOOK_KEY'),
      tells: tells({ alarms: 'all', incidents: true, drills: true, rotations: true }),
    }),
    record({
      kind: z.literal('pager-duty'),
      address: address
        .default('https://events.pagerduty.com')
        .meta({ description: 'in the European region: https://events.eu.pagerduty.com' }),
      secret: secretReference('the routing key of an integration', 'env:PAGER_KEY'),
      tells: tells({ alarms: 'pages', incidents: true, drills: false, rotations: true }),
    }),
    record({
      kind: z.literal('slack'),
      address: address.default('https://slack.com'),
      channel: z
        .string({ error: 'expected the id of a channel' })
        .regex(/^[A-Z0-9]{5,30}$/, { error: 'expected the id of a channel, such as C0123ABCD: a name can be renamed' })
        .optional()
        .meta({ description: 'where messages go; without it the secret is the address of an incoming webhook' }),
      secret: secretReference('a bot token, or the address of an incoming webhook', 'env:SLACK_TOKEN'),
      tells: tells({ alarms: 'all', incidents: true, drills: true, rotations: false }),
    }),
  ],
  { error: 'expected a channel whose kind is webhook, pager-duty or slack' },
);

export type NotifyChannel = z.output<typeof channelSchema>;
