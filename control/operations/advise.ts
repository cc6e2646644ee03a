import type { CredentialFacts } from '../../domain/facts.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import type { Adapters } from '../../inventory/adapters.ts';
import { asTargets } from '../../inventory/targets.ts';
import type { Targets } from '../../inventory/targets.ts';
import type { ControlPorts } from '../ports.ts';
import { adviceCodes } from './advise/advice.ts';
import type { Advice, AdviceCode } from './advise/advice.ts';
import { adviceRules } from './advise/rules.ts';
import { unprovedEpochs } from './advise/unproved-epochs.ts';
import type { AdviceWorld, KnownCredential, KnownTarget } from './advise/world.ts';
import { everyCredential } from './list.ts';

export type AdvisePorts = Pick<ControlPorts, 'ledger'> & { readonly adapters: Adapters };

export interface AdviseInput {
  /** Only what concerns it. NOT_FOUND when the ledger has never heard of it. */
  readonly credential?: CredentialId;
  /** Only what concerns a credential of this team. */
  readonly team?: string;
}

export interface AdviseView {
  /** The ledger's clock, in epoch milliseconds. */
  readonly now: number;
  /** Credentials that were looked at and asked for. */
  readonly credentials: number;
  /** What weighs most first. */
  readonly advice: readonly Advice[];
}

/**
 * What an expert would tell this installation, from three things alone: the inventory as applied, the ledger's facts, and
 * what adapters say of their settings. Asks no provider and no backend, reads no value, writes nothing.
 */
export async function advise({ ledger, adapters }: AdvisePorts, input: AdviseInput): Promise<AdviseView> {
  const asked = input.credential === undefined ? undefined : (await ledger.facts(input.credential)).id;
  const known: CredentialFacts[] = [];
  for await (const facts of everyCredential({ ledger })) if (facts.status !== 'released') known.push(facts);
  const targets = knownTargets(asTargets(await ledger.appliedTargets()), known, adapters);
  const byName = new Map(targets.map((target) => [target.name, target]));
  const credentials: KnownCredential[] = [];
  // One after the other: there may be thousands, and the ledger has few connections.
  for (const facts of known)
    credentials.push({
      facts,
      target: byName.get(facts.entry.target),
      unproved: await unprovedEpochs(ledger, facts),
    });
  const world: AdviceWorld = {
    now: await ledger.clock(),
    targets,
    credentials,
  };
  const wanted = new Set(
    known
      .filter(({ id, entry }) => (asked ?? id) === id && (input.team ?? entry.team) === entry.team)
      .map(({ id }) => id),
  );
  const narrowed = input.credential !== undefined || input.team !== undefined;
  const advice = adviceIn(world).filter(
    ({ credentials: named }) => named.some((id) => wanted.has(id)) || (!narrowed && named.length === 0),
  );
  return { now: world.now, credentials: wanted.size, advice };
}

/** Every rule, asked in turn. Pure. */
export function adviceIn(world: AdviceWorld): readonly Advice[] {
  // The keys of the table are its codes; `Object.keys` only forgets it.
  return (Object.keys(adviceRules) as AdviceCode[]).flatMap((code) =>
    adviceRules[code](world).map((observed) => ({ code, ...adviceCodes[code], ...observed })),
  );
}

function knownTargets(
  { targets }: Targets,
  credentials: readonly CredentialFacts[],
  adapters: Adapters,
): readonly KnownTarget[] {
  return Object.entries(targets).map(([name, target]) => ({
    name,
    target,
    traits: adapters.traits?.(target.provider, target.settings),
    advice: adapters.advice?.(target.provider, target.settings) ?? {},
    credentials: credentials
      .filter(({ status, entry }) => status === 'managed' && entry.target === name)
      .map(({ id }) => id),
  }));
}
