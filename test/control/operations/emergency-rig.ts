import { declareEmergency } from '../../../control/operations/emergency.ts';
import { resolveEmergency } from '../../../control/operations/emergency-resolve.ts';
import type { EmergencyScope } from '../../../control/operations/emergency-scope.ts';
import { KeybatonError } from '../../../domain/errors.ts';
import type { VersionId } from '../../../domain/identifiers.ts';
import type { KillSheet } from '../../../ledger/ledger.ts';
import { openBench, type Bench } from '../bench.ts';
import { ads, bot, inventory, lab, targets } from '../emergency-inventory.ts';

/** A bench with three credentials, each of which has a current version. */
export async function openEmergencies(): Promise<{ bench: Bench; made: Record<'bot' | 'ads' | 'lab', VersionId> }> {
  const bench = await openBench();
  await bench.apply(inventory, targets);
  return {
    bench,
    made: { bot: await bench.promote(bot), ads: await bench.promote(ads), lab: await bench.promote(lab) },
  };
}

const noTargets = () => Promise.reject(new KeybatonError('NOT_FOUND', 'there is no file'));

export const resolveAt = ({ incidents }: Bench, scope: Partial<EmergencyScope>) =>
  resolveEmergency(incidents.ports, { scope: { credentials: [], ...scope }, targetsFile: noTargets });

export const declareAt = (
  { incidents }: Bench,
  resolved: Awaited<ReturnType<typeof resolveAt>>,
  more: { direct?: boolean; count?: number; signal?: AbortSignal } = {},
) =>
  declareEmergency(incidents.ports, {
    resolved,
    who: 'os:ada',
    why: 'test',
    direct: more.direct ?? false,
    count: more.count,
    signal: more.signal ?? new AbortController().signal,
  });

/** What is known of one of them where the ledger is silent. */
export const sheetOf = (version: VersionId): KillSheet => ({
  format: 1,
  installation: 'abcd1234',
  n: 1,
  at: 0,
  targets: { targets: { memory: { provider: 'in-memory', environment: 'prod' } }, backends: {} },
  credentials: [
    {
      credential: bot,
      status: 'managed',
      target: 'memory',
      team: 'search',
      groups: ['chat'],
      emergency: { policy: 'revoke-first', bound: 0 },
      backends: [{ backend: 'vault', path: 'ai/bot' }],
      versions: [
        {
          version,
          fate: 'current',
          target: 'memory',
          compromised: false,
          fingerprint: 'kb1:p:x',
          refs: [{ id: 'key-1' }],
          openIntents: [{ effect: 'issue', place: 'here', until: 77, ref: { id: 'key-2' } }],
          onlyByHand: false,
        },
      ],
    },
  ],
});
