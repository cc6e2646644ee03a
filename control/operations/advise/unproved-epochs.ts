import type { CredentialFacts } from '../../../domain/facts.ts';
import type { Ledger, LedgerEvent } from '../../../ledger/ledger.ts';
import { consumersOf, several } from './world.ts';

const page = 1_000;
/** A roll-back, a survivor and an import bring nothing that a consumer would have to take. */
const rotations: readonly string[] = ['due', 'requested'];

/**
 * By consumer that has never proved anything: the epochs of rotations in which it owed more than somebody's word, newest
 * first; the newest epoch counts once the consumer's deadline is over. Reads history only where somebody may be missing.
 */
export async function unprovedEpochs(
  ledger: Pick<Ledger, 'evidence' | 'history'>,
  facts: CredentialFacts,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const consumers = consumersOf(facts.entry).map(({ name }) => name);
  const epochs = facts.epochs.filter(({ why }) => rotations.includes(why));
  if (facts.status !== 'managed' || consumers.length === 0 || epochs.length < several) return new Map();
  const { evidence } = await ledger.evidence(facts.id);
  const missing = consumers.filter((name) => !evidence.some(({ consumer, kind }) => consumer === name && proves(kind)));
  if (missing.length === 0) return new Map();
  const events: LedgerEvent[] = [];
  for (let afterN = 0; ;) {
    const some = await ledger.history({ credential: facts.id, afterN, limit: page });
    events.push(...some);
    const last = some.at(-1);
    if (last === undefined || some.length < page) break;
    afterN = last.n;
  }
  return new Map(missing.map((name) => [name, owedInVain(name, facts, events)]));
}

/** Pure: what the history of a credential says of one consumer. */
export function owedInVain(
  name: string,
  { epochs, now }: Pick<CredentialFacts, 'epochs' | 'now'>,
  events: readonly LedgerEvent[],
): readonly number[] {
  const owed = new Set<number>();
  for (const { kind, epoch, body } of events) {
    if (epoch === undefined) continue;
    if (kind === 'evidence.recorded' && body['consumer'] === name && proves(body['kind'])) return [];
    const decided = epochs.find((one) => one.epoch === epoch);
    if (decided === undefined || !rotations.includes(decided.why)) continue;
    const demand = demandsIn(kind, body).find(({ consumer }) => consumer === name);
    if (demand === undefined || !proves(demand.demand)) continue;
    const running = epoch === epochs[0]?.epoch && now - decided.decidedAt < demand.deadline;
    if (!running) owed.add(epoch);
  }
  return [...owed].sort((one, other) => other - one);
}

/** Somebody's word proves nothing of the consumer. */
const proves = (kind: unknown): boolean => kind !== 'acknowledged';

interface Owed {
  readonly consumer: string;
  readonly demand: string;
  readonly deadline: number;
}

function demandsIn(kind: string, body: LedgerEvent['body']): readonly Owed[] {
  const demands: unknown = kind === 'promotion.decided' ? body['demands'] : kind === 'demand.added' ? [body] : [];
  return Array.isArray(demands) ? demands.filter(isOwed) : [];
}

const isOwed = (one: unknown): one is Owed =>
  typeof one === 'object' &&
  one !== null &&
  'consumer' in one &&
  typeof one.consumer === 'string' &&
  'demand' in one &&
  typeof one.demand === 'string' &&
  'deadline' in one &&
  typeof one.deadline === 'number';
