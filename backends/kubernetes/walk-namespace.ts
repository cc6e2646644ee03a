import type { BackendCall, Walked } from '../backend.ts';
import { readAll, seen, walkedEntry } from '../walking.ts';
import { pathOf } from './names.ts';
import type { SecretStore } from './secret-store.ts';

/** Every Secret of the consumers' namespace. A Secret does not say when its content was written. */
export async function* walkNamespace(
  store: Pick<SecretStore, 'read' | 'labelled'>,
  asked: { readonly below: string | undefined; readonly namespace: string; readonly root: string | undefined },
  call: BackendCall,
): AsyncGenerator<Walked> {
  const { namespace, root } = asked;
  const below = asked.below?.replace(/\/+$/, '');
  const listed = await seen('/', call, () => store.labelled(namespace, '', call));
  if ('kind' in listed) {
    yield listed;
    return;
  }
  const within = (path: string): boolean => below === undefined || path === below || path.startsWith(`${below}/`);
  const names = listed.answer.filter((name) => within(pathOf(name, root)));
  yield* readAll(names, async (name) => {
    const path = pathOf(name, root);
    const read = await seen(path, call, () => store.read(namespace, name, call));
    if ('kind' in read) return read;
    return read.answer === undefined ? undefined : walkedEntry(path, read.answer.fields, undefined);
  });
}
