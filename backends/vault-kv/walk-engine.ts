import type { BackendCall, Walked } from '../backend.ts';
import { readAll, seen, walkedEntry } from '../walking.ts';
import type { KvEngine } from './kv-engine.ts';

/** Every entry of the engine, folder by folder: in memory are the names of one folder on each level. */
export async function* walkEngine(
  engine: Pick<KvEngine, 'read' | 'list'>,
  { below, stagingPrefix }: { readonly below: string | undefined; readonly stagingPrefix: string },
  call: BackendCall,
): AsyncGenerator<Walked> {
  const start = below === undefined ? '' : below.replace(/\/+$/, '');

  async function entry(path: string): Promise<Walked | undefined> {
    const read = await seen(path, call, () => engine.read(path, call));
    if ('kind' in read) return read;
    const { answer } = read;
    return answer.kind === 'found' ? walkedEntry(path, answer.fields, answer.writtenAt) : undefined;
  }

  async function* folder(path: string): AsyncGenerator<Walked> {
    if (path === `${stagingPrefix}/`) return;
    const listed = await seen(path === '' ? '/' : path, call, () => engine.list(path, call));
    if ('kind' in listed) {
      yield listed;
      return;
    }
    const names = listed.answer.map((name) => `${path}${name}`);
    yield* readAll(
      names.filter((name) => !name.endsWith('/')),
      entry,
    );
    for (const name of names) if (name.endsWith('/')) yield* folder(name);
  }

  // A path may be an entry and a folder at once.
  if (start !== '') {
    const own = await entry(start);
    if (own !== undefined) yield own;
  }
  yield* folder(start === '' ? '' : `${start}/`);
}
