import type { Entry } from '../../domain/entry.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import { countTyped } from '../../domain/incident.ts';
import { readInventory } from '../../inventory/read.ts';
import type { OperationPorts, Reach } from '../operations/operation.ts';

export interface Meant {
  readonly operation: string;
  /** As the operation's own schema has read it. */
  readonly input: unknown;
  readonly reach: Reach;
  readonly ports: OperationPorts;
}

export interface TwoPeople {
  readonly why: string;
  /** What of the ledger they look at: once it is another, so is the question. */
  readonly looked?: Readonly<Record<string, unknown>>;
  /** The epoch for which they agree, and for no other. */
  readonly epoch?: number;
}

/**
 * Why two people must agree to it; undefined where one may do it. The safe direction needs one person for up to 25; what
 * lets something live, be believed unproved, or changes the rules themselves needs two.
 */
export async function twoPeopleFor(meant: Meant): Promise<TwoPeople | undefined> {
  const input = meant.input as Readonly<Record<string, unknown>>;
  switch (meant.operation) {
    case 'emergency':
    case 'emergency-leaked': {
      const many = meant.reach.kind === 'entries' ? meant.reach.entries.length : 0;
      const said = typeof input['count'] === 'number' ? input['count'] : 0;
      return because(Math.max(many, said) > countTyped, tooMany);
    }
    case 'kill-switch-pull':
      return because(Number(input['count']) > countTyped, tooMany);
    case 'waive':
      return asItStands(meant, 'it goes on without the proof of a consumer');
    case 'release':
      if (input['release'] === 'unproved') return asItStands(meant, 'it goes on without proof');
      return because(input['release'] === 'alive', 'it gives up a version that may be alive');
    case 'apply':
      return input['dryRun'] === true ? undefined : changedRules(meant, input);
    default:
      return undefined;
  }
}

const tooMany = `it kills more than ${String(countTyped)} keys`;
const because = (so: boolean, why: string): TwoPeople | undefined => (so ? { why } : undefined);

/** Doing without proof speaks for one epoch, its run and the versions that may die in it: nobody has looked at the next one yet. */
async function asItStands({ input, ports }: Meant, why: string): Promise<TwoPeople> {
  const { ledger } = await ports.ports();
  // Operations that come here name one credential, which their schema has checked.
  const { credential } = input as { readonly credential: CredentialId };
  const { epochs, versions, openRun } = await ledger.facts(credential);
  const [newest] = epochs;
  if (newest === undefined) return { why };
  const { epoch, version } = newest;
  const doomed = versions.filter(({ fate }) => fate === 'doomed').map(({ id }) => id);
  const looked = { epoch, version, doomed, run: openRun?.run ?? null };
  return { why: `${why} in epoch ${String(epoch)} (version ${version})`, looked, epoch };
}

/** Targets, emergency policies, and what must be proved before a version dies: who changes these changes what others decided. */
async function changedRules(
  { reach, ports }: Meant,
  input: Readonly<Record<string, unknown>>,
): Promise<TwoPeople | undefined> {
  if (reach.kind === 'installation') return { why: 'it changes targets' };
  const { ledger, adapters } = await ports.ports();
  const { entries: before } = await ledger.inventory();
  const reading = readInventory({
    targets: String(input['targets']),
    inventory: String(input['inventory']),
    adapters,
    others: before,
  });
  if (reading.kind === 'refused') return undefined;
  const now = new Map(reading.inventory.entries.map((entry) => [entry.movedFrom ?? entry.id, entry]));
  for (const old of before) {
    const entry = now.get(old.id);
    if (entry !== undefined && policyOf(old) !== policyOf(entry))
      return { why: `it changes the emergency policy of ${old.id}` };
  }
  return undefined;
}

const policyOf = ({ emergency: { policy, bound } }: Entry): string => `${policy} ${String(bound)}`;
