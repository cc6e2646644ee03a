import { codeOf, isKeybatonError, KeybatonError } from '../../domain/errors.ts';
import type { BackendCall } from '../backend.ts';
import type { StoredFields } from '../main-place.ts';
import type { Current, MainSecret } from './main-secret.ts';
import type { Secret, SecretStore } from './secret-store.ts';

/** What is to stand there next, over what stands there now; `done` when it does. Throws CONFLICT as the contract says. */
export type NextFields = (now: Current) => Promise<StoredFields | 'done'>;

/** How often we look again because somebody writes at the same time. */
const patience = 8;

const busy = (secret: string) =>
  new KeybatonError('UNAVAILABLE', `secret ${secret} is being written to all the time: nothing was promoted`);

/** Adds a version, making the secret where there is none. */
async function add(store: SecretStore, secret: string, text: string, call: BackendCall): Promise<number> {
  const n = await store.add(secret, text, call);
  if (n !== undefined) return n;
  await store.create(secret, {}, call);
  const first = await store.add(secret, text, call);
  if (first !== undefined) return first;
  throw new KeybatonError('UNAVAILABLE', `secret ${secret} was made and is not there yet`);
}

/**
 * For readers of the newest version. Adding one knows no condition, but Google numbers them without gaps: a number higher
 * than the next tells that somebody wrote in between, and what they wrote is then joined in, or put back.
 */
export async function promoteNewest(
  store: SecretStore,
  main: MainSecret,
  secret: string,
  next: NextFields,
  call: BackendCall,
): Promise<void> {
  /** After a lost answer the newest version tells whether ours is there, and by which number. */
  async function addOrFind(text: string): Promise<number> {
    try {
      return await add(store, secret, text, call);
    } catch (thrown) {
      if (codeOf(thrown) !== 'AMBIGUOUS') throw thrown;
      const now = await main.current(secret, call).catch(() => undefined);
      if (now?.text === text) return now.n;
      throw thrown;
    }
  }

  const start = await main.current(secret, call);
  const fields = await next(start);
  if (fields === 'done') return;
  let text = JSON.stringify(fields);
  let seen = start.n;
  let mine = await addOrFind(text);
  let conflict: KeybatonError | undefined;
  for (let attempt = 0; mine !== seen + 1; attempt += 1) {
    if (attempt >= patience) throw busy(secret);
    const before = await main.numbered(secret, mine - 1, call);
    conflict = undefined;
    let wanted: string;
    try {
      const joined = await next(before);
      wanted = joined === 'done' ? (before.text ?? text) : JSON.stringify(joined);
    } catch (thrown) {
      if (!isKeybatonError(thrown) || thrown.code !== 'CONFLICT' || before.text === undefined) throw thrown;
      // Not ours to replace, and we have: it is put back before anything else is said.
      conflict = thrown;
      wanted = before.text;
    }
    if (wanted === text) break;
    text = wanted;
    seen = mine;
    mine = await addOrFind(text);
  }
  if (conflict !== undefined) throw conflict;
}

/** For readers of an alias: the new version is nobody's until the alias is moved, under the secret's etag. */
export async function promoteAlias(
  { store, main, alias }: { readonly store: SecretStore; readonly main: MainSecret; readonly alias: string },
  secret: string,
  next: NextFields,
  call: BackendCall,
): Promise<void> {
  for (let attempt = 0; attempt < patience; attempt += 1) {
    const now = await main.current(secret, call);
    const fields = await next(now);
    if (fields === 'done') return;
    if (now.secret === undefined) {
      await store.create(secret, {}, call);
      continue;
    }
    const n = await add(store, secret, JSON.stringify(fields), call);
    if ((await pointed(now.secret, n)) === 'done') return;
    // It holds what was right a moment ago, and nobody is given it.
    await store.change('destroy', secret, n, call);
  }
  throw busy(secret);

  async function pointed(seen: Secret, n: number): Promise<'moved' | 'done'> {
    try {
      return await store.pointAlias(secret, seen, alias, n, call);
    } catch (thrown) {
      if (codeOf(thrown) !== 'AMBIGUOUS') throw thrown;
      const now = await store.find(secret, call).catch(() => undefined);
      if (now?.aliases[alias] === n) return 'done';
      throw thrown;
    }
  }
}
