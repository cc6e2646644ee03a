import { errorTable, isKeybatonError } from '../../domain/errors.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import type { PlacedProblem } from '../../inventory/problem.ts';
import { printable, wrapped } from './text.ts';

/** What `--json` writes to standard error when a command fails. */
export interface Complaint {
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly exit: number;
    readonly retryable: boolean;
    /** Only when a file is refused. */
    readonly problems?: readonly PlacedProblem[];
  };
}

/** Anything thrown, as people may see it: no stack, and no message that is not our own. */
export function complaintOf(thrown: unknown): Complaint {
  const ours = isKeybatonError(thrown);
  const code = ours ? thrown.code : 'UNAVAILABLE';
  const { exit, retryable } = errorTable[code];
  const message = ours
    ? printable(thrown.message)
    : `something failed inside keybaton (${kindOf(thrown)}): run keybaton doctor`;
  return { error: { code, message, exit, retryable } };
}

/** The kind of an unknown error is safe to show; its message may hold anything. */
function kindOf(thrown: unknown): string {
  return thrown instanceof Error && /^[A-Za-z]{1,40}$/.test(thrown.name) ? thrown.name : 'unknown';
}

const advice: Readonly<Record<ErrorCode, string | undefined>> = {
  INVALID_CONFIG: undefined,
  ACCESS_DENIED: 'check the admin credential with: keybaton doctor',
  NOT_FOUND: 'see what there is with: keybaton list',
  CONFLICT: 'look at the present state with: keybaton status',
  CAPACITY_EXHAUSTED: 'make room, then try again',
  UNSUPPORTED: undefined,
  VERIFICATION_FAILED: undefined,
  RATE_LIMITED: 'try again later',
  UNAVAILABLE: 'try again; if it stays so: keybaton doctor',
  AMBIGUOUS: 'look before trying again: keybaton status',
};

export function complaintText({ error }: Complaint): string {
  const hint = advice[error.code];
  const lines = [`keybaton: ${error.message}`, ...(hint === undefined ? [] : [hint])];
  return lines.map((line, index) => wrapped(line, 98, index === 0 ? '' : '  ').replaceAll('\n', '\n  ')).join('\n');
}
