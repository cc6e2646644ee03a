import type { BackendCall, Walked } from '../backend.ts';
import { fieldsIn } from '../envelope-text.ts';
import { readAll, seen, walkedEntry } from '../walking.ts';
import { current, type Secrets } from './secrets.ts';

/** Every secret's current version. The list may be five minutes behind: what is newer is not among them. */
export async function* walkSecrets(
  secrets: Pick<Secrets, 'read' | 'list'>,
  { below, stagingPrefix }: { readonly below: string | undefined; readonly stagingPrefix: string },
  call: BackendCall,
): AsyncGenerator<Walked> {
  const folder = below === undefined ? '' : `${below.replace(/\/+$/, '')}/`;
  const listed = await seen(folder === '' ? '/' : folder, call, () => secrets.list(folder, call));
  if ('kind' in listed) {
    yield listed;
    return;
  }
  const names = listed.answer.filter((name) => !name.startsWith(`${stagingPrefix}/`));
  yield* readAll(names, async (name) => {
    const read = await seen(name, call, () => secrets.read(name, { stage: current }, call));
    if ('kind' in read) return read;
    const { answer } = read;
    // Gone since it was listed, or on its way out: nobody reads it.
    if (answer === 'absent' || answer === 'deleted') return undefined;
    const fields = fieldsIn(answer.text ?? '');
    if (fields !== undefined) return walkedEntry(name, fields, answer.writtenAt);
    return { ...walkedEntry(name, { value: answer.text ?? '' }, answer.writtenAt), plain: true };
  });
}
