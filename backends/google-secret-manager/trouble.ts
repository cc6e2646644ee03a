import { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';

/** What the API itself said no with; anything else that answers is trouble. */
export interface Refusal {
  readonly status: number;
  /** The name of the canonical code: `NOT_FOUND`, `ALREADY_EXISTS`, `FAILED_PRECONDITION`, `ABORTED`, ... */
  readonly word: string;
  readonly reason: string | undefined;
}

const shape = z.object({
  error: z.object({
    status: z.string().regex(/^[A-Z_]{2,40}$/),
    details: z.array(z.looseObject({ reason: z.string().optional() })).optional(),
  }),
});

/** Undefined when the body is none of the API: a page of something in between. */
export function refusalIn(status: number, body: unknown): Refusal | undefined {
  const read = shape.safeParse(body);
  if (!read.success) return undefined;
  const { error } = read.data;
  return { status, word: error.status, reason: error.details?.map(({ reason }) => reason).find(Boolean) };
}

/** `what` is the kind of call and the name of the secret. */
export function googleTrouble({ word, reason }: Refusal, what: string, writes: boolean): KeybatonError {
  const said = `google answered ${word} to ${what}`;
  switch (word) {
    case 'UNAUTHENTICATED':
      return new KeybatonError('ACCESS_DENIED', `${said}: the credential is refused or has ended`);
    case 'PERMISSION_DENIED':
      return new KeybatonError(
        'ACCESS_DENIED',
        reason === 'SERVICE_DISABLED'
          ? `${said}: enable the Secret Manager API in the project`
          : `${said}: grant our identity the documented roles, or create the secret`,
      );
    case 'RESOURCE_EXHAUSTED':
      return new KeybatonError('RATE_LIMITED', `${said}: its quota per minute is used up`, { retryAfter: 30_000 });
    case 'ABORTED':
      return new KeybatonError('UNAVAILABLE', `${said}: somebody else changed the same secret`);
    case 'NOT_FOUND':
      return new KeybatonError('INVALID_CONFIG', `${said}: check project and endpoint`);
    case 'FAILED_PRECONDITION':
    case 'INVALID_ARGUMENT':
    case 'ALREADY_EXISTS':
    case 'OUT_OF_RANGE':
    case 'UNIMPLEMENTED':
      return new KeybatonError('INVALID_CONFIG', `${said}: check the settings of this backend`);
    default:
      return new KeybatonError(writes ? 'AMBIGUOUS' : 'UNAVAILABLE', said);
  }
}
