import { z } from 'zod';

/** What the API server itself said no with: a `Status` object. */
export interface Refusal {
  readonly status: number;
  /** `NotFound`, `AlreadyExists`, `Conflict`, `Forbidden`, `Unauthorized`, `Invalid`, ... */
  readonly reason: string;
  /** What it is about: `secrets`, `namespaces`. */
  readonly kind: string | undefined;
  readonly overQuota: boolean;
}

const shape = z.object({
  kind: z.literal('Status'),
  reason: z.string().regex(/^[A-Za-z]{2,40}$/),
  message: z.string().optional(),
  details: z.object({ kind: z.string().optional() }).optional(),
});

/** Undefined when the body is no Status: a page of something in between. */
export function refusalIn(status: number, body: unknown): Refusal | undefined {
  const read = shape.safeParse(body);
  if (!read.success) return undefined;
  const { reason, message, details } = read.data;
  // A full quota is Forbidden as well; only the text tells it from a missing right.
  const overQuota = reason === 'Forbidden' && message?.includes('exceeded quota') === true;
  return { status, reason, kind: details?.kind, overQuota };
}
