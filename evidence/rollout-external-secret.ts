import { z } from 'zod';
import { KeybatonError } from '../domain/errors.ts';

/** What is taken from an ExternalSecret (external-secrets.io/v1). */
export interface ExternalSecretSeen {
  readonly policy: 'Periodic' | 'OnChange' | 'CreatedOnce';
  /** Milliseconds between two readings of its store; 0: it reads it once. */
  readonly interval: number;
  /** The Secret that it keeps. */
  readonly secret: string;
  /** The `force-sync` that stands there. */
  readonly forced: string | undefined;
  /** Why its operator says that it is not in sync, in one word; undefined: it does not. */
  readonly trouble: string | undefined;
}

const hour = 3_600_000;

const shape = z.object({
  metadata: z.object({ name: z.string(), annotations: z.record(z.string(), z.string()).nullish() }),
  spec: z.object({
    refreshPolicy: z.enum(['Periodic', 'OnChange', 'CreatedOnce']).nullish(),
    refreshInterval: z.string().nullish(),
    target: z.object({ name: z.string().nullish() }).nullish(),
  }),
  status: z
    .object({
      conditions: z.array(z.object({ type: z.string(), status: z.string(), reason: z.string().nullish() })).nullish(),
    })
    .nullish(),
});

export function externalSecretSeen(answered: unknown, what: string): ExternalSecretSeen {
  const read = shape.safeParse(answered);
  if (!read.success) throw new KeybatonError('UNAVAILABLE', `the answer to ${what} has a shape we do not know`);
  const { metadata, spec, status } = read.data;
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  const reason = ready?.reason ?? 'not ready';
  return {
    policy: spec.refreshPolicy ?? 'Periodic',
    interval: goDuration(spec.refreshInterval ?? '1h', what),
    secret: spec.target?.name ?? metadata.name,
    forced: metadata.annotations?.['force-sync'],
    // Its message may quote what a store said.
    trouble: ready?.status === 'False' ? (/^[A-Za-z]{1,60}$/.test(reason) ? reason : 'not ready') : undefined,
  };
}

/** Does its operator read its store anew when an annotation changes? */
export const heedsForce = ({ policy, interval }: ExternalSecretSeen): boolean =>
  policy === 'OnChange' || (policy === 'Periodic' && interval > 0);

const units: Readonly<Record<string, number>> = { h: hour, m: 60_000, s: 1_000, ms: 1, us: 1e-3, µs: 1e-3, ns: 1e-6 };

/** `1h0m0s` and its like, in milliseconds. */
function goDuration(text: string, what: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|us|µs|ns|s)/g)];
  if (text === '0') return 0;
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text)
    throw new KeybatonError('UNAVAILABLE', `the answer to ${what} has a refreshInterval we cannot read`);
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * (units[unit ?? ''] ?? 0), 0);
}
