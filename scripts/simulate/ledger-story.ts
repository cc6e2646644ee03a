import { lengthText } from './scenario.ts';
import { credential } from './entries.ts';
import { beginning, type SimulatedWorld } from './world.ts';

/** The ledger's own account, as a person reads it afterwards. */
export async function ledgerStory({ ledger }: SimulatedWorld): Promise<readonly string[]> {
  const events = await ledger.history({ credential, limit: 400 });
  return events.map(
    ({ at, kind, version, epoch, body }) =>
      `${lengthText(at - beginning)}  ledger: ${kind} ${version ?? ''}${epoch === undefined ? '' : ` epoch ${epoch}`} ${JSON.stringify(body).slice(0, 160)}`,
  );
}
