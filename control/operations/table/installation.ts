import { z } from 'zod';
import { codeOf, KeybatonError } from '../../../domain/errors.ts';
import type { CliPorts } from '../../cli/environment.ts';
import type { Sweeping } from '../../sweep-ports.ts';
import { auditVerify } from '../audit-verify.ts';
import { doctor } from '../doctor.ts';
import { operation } from '../operation.ts';
import type { Reach } from '../operation.ts';
import { reconcile } from '../reconcile.ts';
import type { Reconciled } from '../reconcile.ts';
import { shellWord } from '../shell-word.ts';
import { sweep } from '../sweep.ts';
import { scheduleShape } from './credential-shapes.ts';
import { count, findingShape, list, name, opaque, why } from './shapes.ts';

const installation = async (): Promise<Reach> => ({ kind: 'installation' });

function sweepingOf({ sweeping }: CliPorts): Sweeping {
  if (sweeping !== undefined) return sweeping;
  throw new KeybatonError('UNSUPPORTED', 'this process cannot ask providers: type it on the host of a worker');
}

export const sweepOperation = operation({
  name: 'sweep',
  summary: 'How what starts by itself stands; with `now` one sweep is asked for first',
  effect: 'change',
  input: z.strictObject({ now: z.boolean().default(false) }),
  answer: z.object({ asked: z.boolean(), schedule: scheduleShape }),
  reach: installation,
  run: async ({ ports }, input) => sweep(sweepingOf(await ports()), input),
});

const reconcileInput = z.strictObject({
  target: name.optional().meta({ description: 'only this one' }),
  ignore: z.string().min(1).max(500).optional().meta({ description: 'the id of a key that is none of ours' }),
  why: why.optional(),
  revokeStrays: z.boolean().default(false),
  read: z.boolean().default(false).meta({ description: 'a person has read this: a restored ledger may act again' }),
});

export const reconcileOperation = operation({
  name: 'reconcile',
  summary: 'Compare every live key of the targets with the ledger; asks providers, with their admin credentials',
  effect: 'change',
  input: reconcileInput,
  answer: z.object({
    targets: list(opaque<Reconciled['targets'][number]>()),
    revoked: list(opaque<Reconciled['revoked'][number]>()),
    kept: list(z.object({ ref: z.string(), why: z.string() })),
    trusted: z.boolean(),
  }),
  reach: installation,
  async run({ ports }, asked, { actor, principal }) {
    const { target, ignore, why: reason, ...flags } = asked;
    const open = await ports();
    const compared = reconcile(
      { ledger: open.ledger, sweeping: sweepingOf(open) },
      {
        ...flags,
        actor,
        ...(target === undefined ? {} : { target }),
        ...(ignore === undefined ? {} : { ignore }),
        ...(reason === undefined ? {} : { why: reason }),
      },
    );
    return compared.catch((thrown: unknown) => {
      // Whoever signed in asks an API; on the machine itself it is a provider that cannot.
      if (codeOf(thrown) !== 'UNSUPPORTED' || principal === undefined) throw thrown;
      throw new KeybatonError(
        'UNSUPPORTED',
        `the API holds no admin credential to list keys with: on the host of a worker type: ${commandOf(asked)} (keybaton sweep --now has the workers look, and the unmanaged keys are what they saw)`,
      );
    });
  },
});

/** The same as a command line, whole. */
function commandOf({ target, ignore, why: reason, revokeStrays, read }: z.output<typeof reconcileInput>): string {
  const said = { target, ignore, why: reason };
  const words = Object.entries(said).flatMap(([flag, text]) => (text === undefined ? [] : [`--${flag}`, text]));
  const flags = [...(revokeStrays ? ['--revoke-strays'] : []), ...(read ? ['--read'] : [])];
  return ['keybaton', 'reconcile', ...words, ...flags].map(shellWord).join(' ');
}

export const doctorOperation = operation({
  name: 'doctor',
  summary:
    'Check what a rotation needs, as the host of this API sees it, which it names; targets and backends are asked on the host of a worker',
  effect: 'change',
  input: z.strictObject({}),
  answer: z.object({ findings: list(findingShape) }),
  reach: installation,
  run: async ({ ports }, _input, { actor }) => ({ findings: await doctor(await ports(), { actor }) }),
});

export const auditVerifyOperation = operation({
  name: 'audit-verify',
  summary: 'Re-compute the chain of the ledger: was anything changed or removed?',
  effect: 'read',
  input: z.strictObject({}),
  answer: z.object({
    events: count,
    head: z.string().meta({ description: 'keep it somewhere else' }),
    broken: list(z.object({ n: count, why: z.string() })),
  }),
  reach: installation,
  run: async ({ ports }) => auditVerify(await ports()),
});
