import { z } from 'zod';
import { isCredentialId, isVersionId } from '../../../domain/identifiers.ts';
import type { CredentialId, VersionId } from '../../../domain/identifiers.ts';

/** The building stones of inputs and answers. No value of any of them is a secret. */

const idPart = '[a-z0-9][a-z0-9-]{0,62}';
const credentialText = z
  .string()
  .max(191)
  .regex(new RegExp(`^${idPart}/${idPart}/${idPart}$`), 'must be provider/environment/application')
  .meta({ description: 'provider/environment/application', examples: ['openai/prod/support-bot'] });
const versionText = z.string().regex(/^kb[a-z0-9]{30}$/, 'must be kb followed by 30 of a-z 0-9');

// The casts only add our brands, which a regular expression cannot; the functions of `domain` say the same (tested).
export const credentialId = credentialText as unknown as z.ZodType<CredentialId, string>;
export const versionId = versionText as unknown as z.ZodType<VersionId, string>;
export const idChecks = { credential: isCredentialId, version: isVersionId } as const;

export const incidentId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be the name of an incident')
  .meta({ description: 'as the list of incidents shows it', examples: ['i20260131-4f9k2m7c'] });
/** A team, environment, target, group, backend or consumer. */
export const name = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,126}$/i, 'must be 1 to 127 of A-Z a-z 0-9 . _ -');
/** For the record, by a person. */
export const why = z
  .string()
  .max(1_000)
  .regex(/\S/, 'say why, for the record')
  .meta({ description: 'why, for the record; never a secret' });

/** Epoch milliseconds. */
export const instant = z.number().meta({ description: 'epoch milliseconds' });
export const count = z.number().int();

/** A list that nobody changes: as `z.array`, with the type that our own functions answer with. */
export function list<Shape extends z.ZodType>(
  shape: Shape,
): z.ZodType<readonly z.output<Shape>[], readonly z.input<Shape>[]> {
  // `readonly()` of zod would say `readOnly` in the published schema, which means something else there.
  return z.array(shape);
}

/** A document whose shape has a page of its own: described as an object, and typed as ours. */
export function opaque<Type extends object>(): z.ZodType<Type> {
  // What it holds is written by our own functions alone.
  return z.record(z.string(), z.unknown()) as unknown as z.ZodType<Type>;
}

/** There in every answer, `null` where there is nothing to say; undefined for our own functions. */
export function maybe<Shape extends z.ZodType>(
  shape: Shape,
): z.ZodType<z.output<Shape> | undefined, z.input<Shape> | undefined> {
  const said = shape.nullish().transform((value) => value ?? undefined);
  // The key is required by our own types, and may be missing or `null` in what others send.
  return said as unknown as z.ZodType<z.output<Shape> | undefined, z.input<Shape> | undefined>;
}

export const texts = list(z.string());
export const versions = list(versionId);
export const credentials = list(credentialId);

export const refShape = z.object({
  id: z.string(),
  mark: z.string().exactOptional(),
  parent: z.string().exactOptional(),
});

export const toldShape = z.object({
  rotation: z.enum(['started', 'running', 'woken', 'unreached']),
  trouble: maybe(z.string()),
});

export const nextShape = list(z.object({ command: z.string(), why: z.string() }));

export const findingShape = z.object({
  subject: z.string(),
  verdict: z.enum(['ok', 'warning', 'failure', 'cannot tell']),
  text: z.string(),
  remedy: z.string().exactOptional(),
});

export const requestShape = z.object({
  id: z.string(),
  kind: z.enum(['pause', 'freeze', 'rollBack', 'release', 'rotate']),
  credential: maybe(credentialId),
  epoch: maybe(z.number()),
  version: maybe(versionId),
  release: maybe(z.enum(['unproved', 'ask', 'retire', 'alive'])),
  who: z.string(),
  why: z.string(),
  at: instant,
});

export const eventShape = z.object({
  n: z.number(),
  at: instant,
  actor: z.string(),
  kind: z.string(),
  credential: maybe(credentialId),
  version: maybe(versionId),
  epoch: maybe(z.number()),
  incident: maybe(z.string()),
  body: z.record(z.string(), z.unknown()),
});
