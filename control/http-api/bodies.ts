import { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import { isVersionId } from '../../domain/identifiers.ts';

const instance = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,127}$/, 'must be 1 to 128 of A-Z a-z 0-9 . _ : @ / + -');
/** Names one start of an instance: a later start of the same name must bring another one. */
const boot = z.string().regex(/^[A-Za-z0-9._:-]{1,128}$/, 'must be 1 to 128 of A-Z a-z 0-9 . _ : -');
const version = z.string().refine(isVersionId, 'must be kb followed by 30 of a-z 0-9');
const epoch = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

export const instancePath = z.object({ instance });
/** `lease` in milliseconds: how long the instance counts as present without a renewal. */
export const registration = z.object({ boot, lease: z.number().int().min(100).max(3_600_000) });
export const leaving = z.object({ boot: boot.optional() });
export const proof = z.object({
  version,
  epoch,
  instance,
  boot,
  proof: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 of 0-9 a-f'),
});
/** For `consumer check`: a proof of any version, for an instance and an epoch that cannot be. */
export const wiringCheck = z.object({
  version: version.optional(),
  proof: proof.shape.proof.optional(),
});
export const report = z.object({ what: z.enum(['fell-back', 'refused']), version, epoch, instance, boot });
export const whichSecret = z.object({ which: z.enum(['current', 'previous']).default('current') });
/** `wait` in milliseconds; `epoch`: answer at once when a higher one stands. */
export const following = z.object({
  wait: z.coerce.number().int().min(0).max(30_000).optional(),
  epoch: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
});

/** INVALID_CONFIG with every mistake by its path; what was sent is not quoted. */
export function read<Shape>(schema: z.ZodType<Shape>, from: unknown): Shape {
  const outcome = schema.safeParse(from ?? {});
  if (outcome.success) return outcome.data;
  const mistakes = outcome.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'body'}: ${lowerFirst(message)}`,
  );
  throw new KeybatonError('INVALID_CONFIG', mistakes.join('; '));
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
