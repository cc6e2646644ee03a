import { setTimeout as wait } from 'node:timers/promises';
import { KeybatonError } from '../../domain/errors.ts';
import type { BackendCall } from '../backend.ts';
import type { ListedVersion, Secrets } from './secrets.ts';

/** Milliseconds between two looks. */
const pause = 60;
/** Looks, after which the vault's clock must have passed a second: many times more than that takes. */
const looks = 150;

/**
 * The versions in an order that can change no more, so that everybody who wrote at the same time judges alike. Key Vault
 * has no compare-and-set, and tells the time of a version in whole seconds: until the second of the newest one in question
 * is over, another one may still come to stand before it. `written`: what we wrote ourselves, and so must see.
 */
export async function settledVersions(
  secrets: Secrets,
  name: string,
  inQuestion: (version: ListedVersion) => boolean,
  written: string | undefined,
  call: BackendCall,
): Promise<readonly ListedVersion[]> {
  for (let look = 0; look < looks && !call.signal.aborted; look += 1) {
    const { versions, date } = await secrets.versions(name, call);
    const isThere = written === undefined || versions.some(({ id }) => id === written);
    if (isThere && versions.every((one) => !inQuestion(one) || one.created < date)) return versions;
    await wait(pause);
  }
  throw new KeybatonError(
    'AMBIGUOUS',
    `the clock of the vault stands still, so nobody can tell who wrote ${name} first`,
  );
}
