import { everyCredential } from './list.ts';
import type { FreezeInput } from './freeze.ts';
import type { RotationPorts } from './ports.ts';
import { wakeRunning } from './wake-running.ts';
import { withdrawAll } from './withdraw-all.ts';

export interface ThawInput extends FreezeInput {
  /** The requests that whoever asks knows of; see `withdrawAll`. Undefined: whichever stand. */
  readonly expected?: readonly string[];
}

/**
 * Ends a freeze: of one credential, or the one of everything (freezes of single credentials then stay). Not frozen is
 * no error. A credential under a freeze of everything stays frozen until that one ends: `stillFrozen` says so.
 */
export async function thaw(
  ports: RotationPorts,
  input: ThawInput,
): Promise<{
  readonly withdrawn: readonly string[];
  readonly stillFrozen: boolean;
  readonly unreached: readonly string[];
}> {
  const open = await openFreezes(ports, input.credential);
  const mine = open.filter(({ credential }) => credential === input.credential);
  const withdrawn = await withdrawAll(ports, mine, input);
  return { withdrawn, stillFrozen: open.length > mine.length, unreached: await wakeRunning(ports, input.credential) };
}

/** A freeze of everything is among the requests of every credential. */
async function openFreezes(
  ports: RotationPorts,
  credential: FreezeInput['credential'],
): Promise<Awaited<ReturnType<RotationPorts['ledger']['facts']>>['requests']> {
  const freezes = (requests: Awaited<ReturnType<RotationPorts['ledger']['facts']>>['requests']): typeof requests =>
    requests.filter(({ kind }) => kind === 'freeze');
  if (credential !== undefined) return freezes((await ports.ledger.facts(credential)).requests);
  for await (const facts of everyCredential(ports))
    return freezes(facts.requests).filter((one) => one.credential === undefined);
  return [];
}
