import { randomUUID } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { sheetReader, type SheetText } from './kill-sheet-reading.ts';
import type { KillSheet } from './kill-sheet-shapes.ts';
import type { Store } from './store.ts';

/** How often a change made by another process is looked for. */
const lookAgain = 5_000;
const settle = 200;
/** A sheet of thousands takes its time to write: the ledger is its own for nine tenths of it, and no change waits longer. */
const rest = { times: 9, most: 10_000 };

export async function keepKillSheet(
  store: Store,
  path: string,
  installation: string,
): Promise<{ close(): Promise<void> }> {
  let written = -1;
  let notBefore = 0;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  const readSheet = sheetReader(installation);

  async function refresh(): Promise<void> {
    const began = performance.now();
    const sheet = await store.read((db, now) => readSheet(db, now, written));
    if (sheet === undefined || (await knowsMore(path, sheet))) return;
    await replace(path, sheet.text);
    written = sheet.n;
    const ended = performance.now();
    notBefore = ended + Math.min(rest.most, rest.times * (ended - began));
  }
  const queue = (): Promise<void> => (writing = writing.catch(tryLater).then(refresh));
  const soon = (): void => {
    timer ??= setTimeout(
      () => {
        timer = undefined;
        queue().catch(tryLater);
      },
      Math.max(settle, notBefore - performance.now()),
    ).unref();
  };

  await queue();
  store.onCommit(soon);
  const others = setInterval(soon, lookAgain).unref();
  return {
    async close() {
      clearTimeout(timer);
      clearInterval(others);
      await queue().catch(tryLater);
    },
  };
}

/** The sheet on disk is older then, but whole; the next commit or look writes it again. */
function tryLater(thrown: unknown): void {
  void thrown;
}

/**
 * A ledger that was lost and made anew, or that an old backup brought back, must not take away what names the keys that
 * live. The sheet stays until a person moves it away, or the ledger has caught up; `doctor` says so meanwhile.
 */
async function knowsMore(path: string, sheet: SheetText): Promise<boolean> {
  let found: unknown;
  try {
    if (await isOlder(path, sheet)) return false;
    found = JSON.parse(await readFile(path, 'utf8'));
  } catch (thrown) {
    // A damaged one names no key to anybody.
    if (thrown instanceof SyntaxError) return false;
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return false;
    throw thrown;
  }
  if (typeof found !== 'object' || found === null) return false;
  // Looked at field by field.
  const { installation, n, credentials } = found as Partial<Record<keyof KillSheet, unknown>>;
  if (typeof installation !== 'string' || typeof n !== 'number') return false;
  // One without a credential has nothing to lose.
  if (!Array.isArray(credentials) || credentials.length === 0) return false;
  return installation !== sheet.installation || n > sheet.n;
}

/** Does its beginning say so? One of thousands is read whole only where it does not. */
async function isOlder(path: string, { installation, n }: SheetText): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0);
    const begins = /^\{"format":1,"installation":"([^"\\]*)","n":(\d+),/.exec(buffer.toString('utf8', 0, bytesRead));
    return begins?.[1] === installation && Number(begins[2]) <= n;
  } finally {
    await file.close();
  }
}

/** Whole or not at all, also after a power cut: written beside, synced, renamed, and the folder synced. */
async function replace(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}.new`;
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await chmod(draft, 0o600);
  await rename(draft, path);
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
