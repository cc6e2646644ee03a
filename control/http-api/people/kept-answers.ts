import { createHmac } from 'node:crypto';
import { readFile, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import { KeybatonError } from '../../../domain/errors.ts';
import { appendDurably, openOwnFile } from '../../access/json-lines.ts';

export interface KeptAnswers {
  /**
   * Does it once for this key, and answers every further call with the same input from what is kept, for 24 hours and over
   * a restart. CONFLICT for the same key with other input. What failed is not kept: the same key tries again.
   */
  once(asked: AskedOnce, run: () => Promise<unknown>): Promise<{ readonly answer: unknown; readonly kept: boolean }>;
  close(): Promise<void>;
}

export interface AskedOnce {
  /** Who, which operation, and the key they chose: another caller's key is another one. */
  readonly key: readonly string[];
  readonly input: unknown;
  /** A record that cannot be written does not stop it. */
  readonly evenUnrecorded: boolean;
}

export interface KeptAnswersOptions {
  readonly file: string;
  /** Of the installation: inputs may hold a leaked value, so they are kept as nothing but a keyed hash. */
  readonly hashKey: Uint8Array;
  readonly now: () => number;
}

const keptFor = 24 * 3_600_000;
/** More than these at once are somebody's mistake; the oldest are forgotten first. */
const most = 10_000;

const line = z.object({ key: z.string(), input: z.string(), at: z.number(), answer: z.unknown().optional() });
type Line = z.output<typeof line>;

/** One file of our own, mode 0600, each line on disk before the answer is sent; read once, and made small at each start. */
export async function openKeptAnswers({ file, hashKey, now }: KeptAnswersOptions): Promise<KeptAnswers> {
  const hash = (value: unknown): string => createHmac('sha256', hashKey).update(JSON.stringify(value)).digest('hex');
  const known = new Map<string, Line>();
  const running = new Map<string, { readonly input: string; readonly answer: Promise<unknown> }>();
  for (const one of await readLines(file)) if (one.at > now() - keptFor) known.set(one.key, one);
  const handle = await startAnew(file, [...known.values()]);

  async function write(record: Line): Promise<void> {
    await appendDurably(handle, [record]);
    known.delete(record.key);
    known.set(record.key, record);
    for (const [key, { at }] of known) {
      if (known.size <= most && at > now() - keptFor) break;
      known.delete(key);
    }
  }

  return {
    async once({ key: parts, input: given, evenUnrecorded }, run) {
      const [key, input] = [hash(['key', ...parts]), hash(['input', given])];
      const before = running.get(key) ?? known.get(key);
      if (before !== undefined && before.input !== input)
        throw new KeybatonError('CONFLICT', 'this idempotency key was used with other input: take a new one');
      const under = running.get(key);
      if (under !== undefined) return { answer: await under.answer, kept: true };
      const done = known.get(key);
      if (done?.answer !== undefined && done.at > now() - keptFor) return { answer: done.answer, kept: true };
      const doing = (async () => {
        // The input is on disk before anything happens: after a crash the key still means this input, and does it again.
        const recorded = await write({ key, input, at: now() }).then(
          () => true,
          (thrown: unknown) => {
            if (!evenUnrecorded) throw thrown;
            return false;
          },
        );
        const answer = await run();
        // What was done is done: a full disk makes a repetition do it again, which every start bears.
        if (recorded) await write({ key, input, at: now(), answer }).catch(() => undefined);
        return answer;
      })();
      running.set(key, { input, answer: doing });
      try {
        return { answer: await doing, kept: false };
      } finally {
        running.delete(key);
      }
    },
    close: () => handle.close(),
  };
}

async function readLines(file: string): Promise<readonly Line[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return [];
    throw new KeybatonError('INVALID_CONFIG', `${file} cannot be read`, { cause: thrown });
  }
  return text.split('\n').flatMap((one) => {
    const read = line.safeParse(parsed(one));
    return read.success ? [read.data] : [];
  });
}

/** A line torn by a crash is no line: what it began is done again. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function startAnew(file: string, lines: readonly Line[]): Promise<FileHandle> {
  const draft = `${file}.new`;
  await rm(draft, { force: true });
  const handle = await openOwnFile(draft);
  try {
    if (lines.length > 0) await appendDurably(handle, lines);
    await rename(draft, file);
    return handle;
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
}
