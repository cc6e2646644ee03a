import { existsSync } from 'node:fs';
import { KeybatonError } from '../../domain/errors.ts';
import type { BackendCall, Walked } from '../backend.ts';
import { readAll, seen, walkedEntry } from '../walking.ts';
import type { EmbeddedVault } from './vault.ts';

/** What consumers read now, of every path. A file that is not there is not made. */
export async function* walkVault(
  file: string,
  vault: Pick<EmbeddedVault, 'ready' | 'read'>,
  below: string | undefined,
  call: BackendCall,
): AsyncGenerator<Walked> {
  const folder = below?.replace(/\/+$/, '');
  const listed = await seen('/', call, async () => {
    if (!existsSync(file)) throw new KeybatonError('NOT_FOUND', `there is no embedded vault at ${file}`);
    await vault.ready();
    return vault.read((store) => store.paths());
  });
  if ('kind' in listed) {
    yield listed;
    return;
  }
  const paths = listed.answer.filter(
    (path) => folder === undefined || path === folder || path.startsWith(`${folder}/`),
  );
  yield* readAll(paths, async (path) => {
    const read = await seen(path, call, async () =>
      vault.read((store) => {
        const [current] = store.generations(path);
        return current?.fields;
      }),
    );
    if ('kind' in read) return read;
    return read.answer === undefined ? undefined : walkedEntry(path, read.answer, undefined);
  });
}
