import { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import { isVersionId, type VersionId } from '../../domain/identifiers.ts';
import type { Place } from '../backend.ts';

/** What we wrote last, in a variable beside the secrets: no secret itself, and all that can be read there. */
export interface Mark {
  readonly keybaton_version: VersionId;
  readonly keybaton_epoch: string;
  readonly path: string;
  /** The secrets that are ours. */
  readonly secrets: readonly string[];
  /** The first promotion has begun and not ended: what is there may be ours in part. */
  readonly begun?: boolean | undefined;
}

const shape = z.object({
  keybaton_version: z.custom<VersionId>((value) => typeof value === 'string' && isVersionId(value)),
  keybaton_epoch: z.string().regex(/^\d{1,15}$/),
  path: z.string(),
  secrets: z.array(z.string()),
  begun: z.boolean().optional(),
});

/** Of the credential, so that a workflow finds it: `KEYBATON_OPENAI__PROD__SUPPORT_BOT`. */
export function markName({ credential }: Place): string {
  return `KEYBATON_${credential.replaceAll('/', '__').replaceAll('-', '_').toUpperCase()}`;
}

export function markIn(text: string, name: string): Mark {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    read = undefined;
  }
  const mark = shape.safeParse(read);
  if (mark.success) return mark.data;
  throw new KeybatonError('CONFLICT', `variable ${name} was changed by hand: delete it, or put back what stood there`);
}

/** GitHub knows names without regard to case, and shows them in capitals. */
export function secretNames(fields: readonly string[]): readonly string[] {
  const names = fields.map((field) => field.toUpperCase());
  const wrong = names.find((name) => !/^(?!GITHUB_)[A-Z_][A-Z0-9_]{0,254}$/.test(name));
  if (wrong !== undefined) {
    throw new KeybatonError(
      'INVALID_CONFIG',
      `field ${wrong} can be no secret of GitHub Actions: expected letters, digits and _, no digit first, not GITHUB_`,
    );
  }
  if (new Set(names).size < names.length) {
    throw new KeybatonError(
      'INVALID_CONFIG',
      'two fields become one secret of GitHub Actions, which knows no small letters',
    );
  }
  return names;
}
