import { KeybatonError } from '../../domain/errors.ts';
import type { BackendCall } from '../backend.ts';
import { fieldsIn } from '../envelope-text.ts';
import { type StoredFields, versionField } from '../main-place.ts';
import type { GoogleSettings } from './settings.ts';
import type { Secret, SecretStore } from './secret-store.ts';

/** What consumers are given now. */
export interface Current {
  /** Its number; 0 when there is none. */
  readonly n: number;
  readonly stored: StoredFields | undefined;
  /** As it stands there, to be put back. */
  readonly text: string | undefined;
  /** A plain text instead of a JSON object: only ever written by hand. */
  readonly plain: boolean;
  /** There, and disabled or destroyed by hand: consumers get nothing. */
  readonly closed: boolean;
  readonly secret: Secret | undefined;
}

export interface MainSecret {
  current(secret: string, call: BackendCall): Promise<Current>;
  /** The version of this number, as `current` would say it. */
  numbered(secret: string, n: number, call: BackendCall): Promise<Current>;
}

export function mainSecret(readBy: GoogleSettings['readBy'], store: SecretStore): MainSecret {
  async function numbered(secret: string, n: number, call: BackendCall, seen?: Secret): Promise<Current> {
    const none = { stored: undefined, text: undefined, plain: false, secret: seen };
    if (n === 0) return { n, ...none, closed: false };
    const read = await store.access(secret, n, call);
    if (read.kind !== 'found') return { n, ...none, closed: read.kind === 'closed' };
    const stored = fieldsIn(read.text);
    // A text that has no fields is a value somebody put there: never empty, and none of ours.
    const plainText = { [versionField]: 'a plain text' };
    return {
      n,
      stored: stored ?? plainText,
      text: read.text,
      plain: stored === undefined,
      closed: false,
      secret: seen,
    };
  }

  /**
   * Lists may run behind for minutes or hours; a version is seen by its number at once. So the list only tells where to
   * begin counting.
   */
  async function newest(secret: string, call: BackendCall): Promise<number> {
    let n = Math.max(0, ...(await store.versions(secret, call)).map((one) => one.n));
    while ((await store.access(secret, n + 1, call)).kind !== 'absent') n += 1;
    return n;
  }

  return {
    numbered: (secret, n, call) => numbered(secret, n, call),
    async current(secret, call) {
      if (readBy.what === 'latest') return numbered(secret, await newest(secret, call), call);
      const seen = await store.find(secret, call);
      return numbered(secret, seen?.aliases[readBy.alias] ?? 0, call, seen);
    },
  };
}

/** CONFLICT for taking over a plain text: whoever reads it as it is would be given JSON. */
export function refusePlain({ plain }: Current, overwrite: boolean | 'same value' | undefined, secret: string): void {
  if (plain && overwrite === 'same value') {
    throw new KeybatonError(
      'CONFLICT',
      `secret ${secret} holds a plain text, not a JSON object of fields: its readers would get JSON; let them read another secret, then begin there`,
    );
  }
}
