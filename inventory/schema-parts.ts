import { z } from 'zod';
import { parseDuration } from '../domain/duration.ts';
import { isCredentialId } from '../domain/identifiers.ts';
import type { CredentialId } from '../domain/identifiers.ts';

const namePattern = /^[a-z0-9][a-z0-9-]{0,62}$/;
const durationPattern = /^\d{1,9}(ms|s|m|h|d)$/;
const credentialPattern = /^[a-z0-9][a-z0-9-]{0,62}\/[a-z0-9][a-z0-9-]{0,62}\/[a-z0-9][a-z0-9-]{0,62}$/;

export function isName(text: string): boolean {
  return namePattern.test(text);
}

/** A name in our own files: teams, groups, targets, backends, consumers, probes. */
export const name = z.string({ error: 'expected a name' }).regex(namePattern, {
  error: 'expected a name of a-z, 0-9 and -, at most 63 long, beginning with a letter or digit',
});

/** Text in the file, milliseconds inside. */
export const duration = z
  .string({ error: 'expected a duration such as 30s, 15m, 6h or 90d' })
  .regex(durationPattern, { error: 'expected a duration such as 30s, 15m, 6h or 90d' })
  .transform(parseDuration)
  .meta({ examples: ['15m', '90d'] });

export const credentialId = z
  .string({ error: 'expected a credential id: provider/environment/application' })
  .regex(credentialPattern, {
    error: 'expected a credential id: provider/environment/application, each of a-z, 0-9 and -, at most 63 long',
  })
  .transform((text): CredentialId => {
    // The pattern above and this check are held together by a test; a difference must not pass silently.
    if (!isCredentialId(text)) throw new TypeError('the credential pattern of the inventory is wider than the domain');
    return text;
  });

/** One sentence by a person: why something is as it is. */
export const reason = z
  .string({ error: 'expected a reason in words' })
  .trim()
  .min(3, { error: 'expected a reason in words' });

/** Where consumers read: segments without empty ones, dots or odd signs, so that no path can leave its prefix. */
export const path = z
  .string({ error: 'expected a path such as ai/prod/providers/openai/keys/support-bot' })
  .max(400, { error: 'expected a path of at most 400 characters' })
  .regex(/^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)*$/, {
    error:
      'expected a path such as ai/prod/providers/openai/keys/support-bot: no empty part, no . or .. part, only letters, digits, _ . -',
  });

/** A strict object whose complaint about an unknown key names the known ones. */
export function record<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `unknown key: expected one of ${Object.keys(shape).join(', ')}`
        : issue.code === 'invalid_type'
          ? `expected an entry with ${Object.keys(shape).join(', ')}`
          : undefined,
  });
}
