import { z } from 'zod';
import type { CredentialId } from '../domain/identifiers.ts';
import type { Ledger } from '../ledger/ledger.ts';

/** What is read of targets.yml as applied. */
const applied = z.object({
  targets: z
    .record(z.string(), z.object({ admin: z.string().optional(), secondAdmin: z.string().optional() }))
    .default({}),
});

/** Targets whose admin credential, first or second, this one is: as last applied. */
export async function targetsOpenedBy(
  ledger: Pick<Ledger, 'appliedTargets'>,
  credential: CredentialId,
): Promise<readonly string[]> {
  const { targets } = applied.parse(await ledger.appliedTargets());
  const reference = `credential:${credential}`;
  return Object.entries(targets)
    .filter(([, { admin, secondAdmin }]) => admin === reference || secondAdmin === reference)
    .map(([name]) => name);
}
