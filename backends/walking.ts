import { setTimeout as after } from 'node:timers/promises';
import { isKeybatonError, KeybatonError } from '../domain/errors.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import type { BackendCall, Walked } from './backend.ts';
import { epochField, type StoredFields, versionField } from './main-place.ts';

/** Calls side by side: a walk should not be felt by those who use the store. */
const side = 8;
/** Tries of one call that the store asks to make later, and milliseconds waited at most before each. */
const tries = 6;
const longestWait = 30_000;
/** Entries without an answer in a row after which nobody answers. */
const patience = 2 * side;

/** One entry of a walk. What is no text can be no key, and is left out. */
export function walkedEntry(path: string, fields: StoredFields, writtenAt: number | undefined): Walked {
  const texts = Object.entries(fields).flatMap(([name, value]) =>
    typeof value === 'string' && value !== '' && name !== versionField && name !== epochField
      ? [[name, new SecretMaterial({ [name]: value }, name)] as const]
      : [],
  );
  const known = writtenAt === undefined || Number.isNaN(writtenAt) ? undefined : writtenAt;
  return { kind: 'entry', path, texts: Object.fromEntries(texts), writtenAt: known, ours: versionField in fields };
}

/** The answer, or the trouble as part of the walk. Waits and asks again where the store limits the rate. */
export async function seen<Answer>(
  path: string,
  call: BackendCall,
  ask: () => Promise<Answer>,
): Promise<{ readonly answer: Answer } | Extract<Walked, { kind: 'unseen' }>> {
  for (let again = 1; ; again += 1) {
    try {
      return { answer: await ask() };
    } catch (thrown) {
      if (call.signal.aborted) throw new KeybatonError('UNAVAILABLE', 'the walk was stopped');
      const trouble = isKeybatonError(thrown)
        ? thrown
        : new KeybatonError('UNAVAILABLE', 'the adapter failed', { cause: thrown });
      if (trouble.code !== 'RATE_LIMITED' || again === tries) return { kind: 'unseen', path, trouble };
      const wait = trouble.retryAfter ?? 500 * 2 ** again;
      await after(Math.min(wait, longestWait), undefined, { signal: call.signal }).catch(() => undefined);
    }
  }
}

/**
 * Reads what stands under these names, a few side by side; `undefined` is nothing to tell. Gives up where nobody answers any
 * more, and says so.
 */
export async function* readAll(
  names: readonly string[],
  read: (name: string) => Promise<Walked | undefined>,
): AsyncGenerator<Walked> {
  let silent = 0;
  for (let from = 0; from < names.length; from += side) {
    for (const one of await Promise.all(names.slice(from, from + side).map(read))) {
      if (one === undefined) continue;
      silent = one.kind === 'unseen' && one.trouble.code === 'UNAVAILABLE' ? silent + 1 : 0;
      yield one;
    }
    const left = names.slice(from + side);
    if (silent < patience || left.length === 0) continue;
    const trouble = new KeybatonError(
      'UNAVAILABLE',
      `${left.length} more were not asked for: the store does not answer`,
    );
    yield { kind: 'unseen', path: left[0] ?? '', trouble };
    return;
  }
}
