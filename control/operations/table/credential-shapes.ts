import { z } from 'zod';
import { evidenceKinds, workloadKinds } from '../../../domain/entry.ts';
import {
  count,
  credentialId,
  credentials,
  instant,
  list,
  maybe,
  nextShape,
  refShape,
  texts,
  versionId,
  versions,
} from './shapes.ts';

const mode = z.enum(['observe', 'ask', 'automatic']);
const tier = z.enum(['critical', 'standard', 'low']);

export const summaryShape = z.object({
  id: credentialId,
  status: z.enum(['managed', 'retiring', 'released']),
  team: z.string(),
  target: z.string(),
  tier,
  mode,
  current: z.object({ version: versionId, epoch: count, since: instant, expiresAt: instant.nullable() }).nullable(),
  due: z.object({
    at: instant.nullable(),
    why: z.string().nullable(),
    lastRotatedAt: instant.nullable(),
    failedAttempts: count,
    nextAttemptAt: instant.nullable(),
  }),
  rotating: z.boolean(),
  paused: z.boolean(),
  frozen: z.boolean(),
  debts: versions,
  compromised: versions,
  onlyByHand: versions,
  alarms: list(z.object({ key: z.string(), text: z.string(), page: z.boolean(), raisedAt: instant })),
});

export const backendViewShape = z.object({
  backend: z.string(),
  path: z.string(),
  standing: z.enum(['in-sync', 'behind', 'foreign', 'unknown']),
});

export const entryShape = z.object({
  id: credentialId,
  target: z.string(),
  team: z.string(),
  contact: maybe(z.string()),
  groups: texts,
  tier,
  mode,
  schedule: z.object({
    every: z.number(),
    jitter: z.number(),
    windows: list(z.object({ from: z.number(), to: z.number() })),
    freezes: list(z.object({ from: z.number(), to: z.number() })).exactOptional(),
  }),
  backends: list(z.object({ backend: z.string(), path: z.string(), fields: maybe(z.record(z.string(), z.string())) })),
  consumers: z.union([
    list(
      z.object({
        name: z.string(),
        kind: z.enum(['service', 'job']),
        demand: z.enum(evidenceKinds),
        deadline: z.number(),
        without: z.enum(['hold', 'roll-back']),
        probe: maybe(z.string()),
        reader: z.string().exactOptional(),
        kubernetes: z
          .object({
            cluster: z.string(),
            namespace: z.string(),
            workload: z.object({ kind: z.enum(workloadKinds), name: z.string() }),
            externalSecret: z.string().exactOptional(),
            secret: z.string(),
            restart: z.enum(['reloader', 'rollout', 'none']),
          })
          .exactOptional(),
      }),
    ),
    z.object({ none: z.string() }),
  ]),
  silence: z.union([z.object({ for: z.number() }), z.object({ no: z.string() })]),
  soak: z.number(),
  emergency: z.object({ policy: z.enum(['revoke-first', 'replace-first', 'standby']), bound: z.number() }),
  standby: z.boolean(),
  dependents: credentials,
  apartFrom: credentials,
  movedFrom: maybe(credentialId),
});

const versionViewShape = z.object({
  id: versionId,
  state: z.enum(['pre-activation', 'active', 'suspended', 'deactivated', 'compromised', 'destroyed']),
  label: z.enum(['pending', 'current', 'previous', 'standby']).nullable(),
  fate: z.enum(['pending', 'standby', 'current', 'doomed', 'dead', 'released']),
  createdAt: instant,
  expiresAt: instant.nullable(),
  refs: list(z.object({ ref: refShape, gone: z.boolean() })),
  copies: list(z.object({ backend: z.string(), path: z.string(), as: z.enum(['staged', 'main']), gone: z.boolean() })),
  dead: z.object({ at: instant, grade: z.enum(['refused', 'absent']) }).nullable(),
  onlyByHand: z.boolean(),
});

const consumerViewShape = z.object({
  consumer: z.string(),
  demand: z.string(),
  instances: list(
    z.object({
      instance: z.string(),
      seenAt: instant,
      leaseUntil: instant,
      left: z.boolean(),
      proved: z.string().nullable(),
    }),
  ),
  proved: z.string().nullable(),
  waivedBy: z.string().nullable(),
});

export const showShape = z.object({
  now: instant,
  summary: summaryShape,
  entry: entryShape,
  epochs: list(
    z.object({
      epoch: count,
      version: versionId,
      why: z.enum(['due', 'requested', 'roll-back', 'survivor', 'imported']),
      decidedAt: instant,
    }),
  ),
  backends: list(backendViewShape),
  versions: list(versionViewShape),
  consumers: list(consumerViewShape),
  incidents: texts,
});

export const statusShape = z.object({
  now: instant,
  summary: summaryShape,
  run: z
    .object({ step: z.string(), since: instant, waitsFor: z.string().nullable(), version: versionId.nullable() })
    .nullable(),
  trouble: z.string().nullable(),
  backends: list(backendViewShape),
  requests: list(
    z.object({
      id: z.string(),
      kind: z.enum(['pause', 'freeze', 'rollBack', 'release', 'rotate']),
      who: z.string(),
      why: z.string(),
      at: instant,
    }),
  ),
  missing: texts,
  silence: list(z.object({ version: versionId, missing: z.string() })),
  incidents: texts,
  next: nextShape,
});

export const scheduleShape = z.object({
  state: z.enum(['running', 'paused', 'missing']),
  note: maybe(z.string()),
  every: maybe(z.number()),
  lastAt: maybe(instant),
  nextAt: maybe(instant),
});
