import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import type { CheckFinding } from '../activities/check-finding.ts';
import type { ActivityPorts } from '../activities/ports.ts';
import { formatDuration } from '../domain/duration.ts';

const sheet = z.object({ format: z.literal(1), installation: z.string(), n: z.int(), at: z.number() });
const subject = 'kill sheet';
/** Every process that keeps one looks for changes each few seconds. */
const patience = 30_000;

/** Is what an emergency without a ledger would read there, ours, whole, private and as new as the ledger? */
export async function killSheetFinding({ ledger }: Pick<ActivityPorts, 'ledger'>, path: string): Promise<CheckFinding> {
  const remedy = 'start a worker or the API on this machine: each keeps it up to date';
  const text = await read(path);
  if (text === undefined) return { subject, verdict: 'failure', text: 'there is none on this machine', remedy };
  const parsed = sheet.safeParse(parse(text));
  if (!parsed.success)
    return { subject, verdict: 'failure', text: 'it cannot be read: it is no kill sheet of this build', remedy };
  const { installation, n } = parsed.data;
  if (installation !== (await ledger.installation()))
    return {
      subject,
      verdict: 'failure',
      text: `it belongs to another installation, ${installation}, and is kept`,
      remedy: movedAway(path),
    };
  if (((await stat(path)).mode & 0o077) !== 0)
    return { subject, verdict: 'warning', text: 'others on this machine can read it', remedy: `run chmod 600 ${path}` };
  const [head] = await ledger.history({ afterN: n - 1, limit: 1 });
  if (n > 0 && head === undefined)
    return {
      subject,
      verdict: 'failure',
      text: `it is newer than the ledger, which has no event ${n}, and is kept`,
      remedy: movedAway(path),
    };
  const [missed] = await ledger.history({ afterN: n, limit: 1 });
  const behind = missed === undefined ? 0 : (await ledger.clock()) - missed.at;
  if (behind > patience)
    return {
      subject,
      verdict: 'failure',
      text: `it lacks what happened ${formatDuration(behind)} ago and since`,
      remedy,
    };
  return { subject, verdict: 'ok', text: `holds everything up to event ${n}` };
}

/** It may be all that still names keys that live. */
const movedAway = (path: string): string =>
  `bring back the ledger that it was written from; if that is gone, kill what the sheet names by hand, then move ${path} away`;

async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
    throw thrown;
  }
}

/** A parse error would quote the text. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
