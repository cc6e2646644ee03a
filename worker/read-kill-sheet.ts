import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { KillSheet } from '../ledger/ledger.ts';

const ref = z.object({ id: z.string(), mark: z.string().optional(), parent: z.string().optional() });

const version = z.looseObject({
  version: z.string(),
  fate: z.string(),
  target: z.string(),
  compromised: z.boolean(),
  fingerprint: z.string().optional(),
  refs: z.array(ref),
  openIntents: z.array(
    z.looseObject({ effect: z.string(), place: z.string(), until: z.number(), ref: ref.optional() }),
  ),
  onlyByHand: z.boolean(),
});

const shape = z.looseObject({
  format: z.literal(1),
  installation: z.string(),
  n: z.int(),
  at: z.number(),
  targets: z.unknown(),
  credentials: z.array(
    z.looseObject({
      credential: z.string(),
      status: z.string(),
      target: z.string(),
      team: z.string(),
      groups: z.array(z.string()),
      emergency: z.looseObject({ policy: z.enum(['revoke-first', 'replace-first', 'standby']), bound: z.number() }),
      backends: z.array(z.looseObject({ backend: z.string(), path: z.string() })),
      versions: z.array(version),
    }),
  ),
});

/** The kill sheet of this machine, checked in shape. `trouble` says why there is none, never quoting it. */
export async function readKillSheet(
  path: string,
): Promise<{ readonly sheet: KillSheet | undefined; readonly trouble: string | undefined }> {
  try {
    const parsed = shape.safeParse(JSON.parse(await readFile(path, 'utf8')));
    // The check keeps what it does not know, so that what other builds have added goes through.
    if (parsed.success) return { sheet: parsed.data as unknown as KillSheet, trouble: undefined };
    return { sheet: undefined, trouble: `${path} is no kill sheet of this build` };
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return { sheet: undefined, trouble: `${path} is damaged` };
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown';
    if (code === 'ENOENT')
      return { sheet: undefined, trouble: `there is no kill sheet at ${path}: every worker and API keeps one` };
    return { sheet: undefined, trouble: `${path} cannot be read (${code})` };
  }
}
