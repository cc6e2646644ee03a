import type { Entry } from '../../domain/entry.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import type { AppliedInventory } from '../../ledger/ledger.ts';
import { diffInventory } from '../../inventory/diff.ts';
import type { EntryDifference } from '../../inventory/diff.ts';
import type { PlacedProblem } from '../../inventory/problem.ts';
import { readInventory } from '../../inventory/read.ts';
import type { CheckedInventory } from '../../inventory/read.ts';
import { asTargets } from '../../inventory/targets.ts';
import { readYaml } from '../../inventory/yaml-source.ts';
import type { ApplyPorts } from './ports.ts';
import { removedTargets } from './removed-targets.ts';
import { wakeRotation } from './tell-rotation.ts';

export interface ApplyInput {
  /** The two files as text. */
  readonly targets: string;
  readonly inventory: string;
  readonly actor: string;
  readonly dryRun?: boolean;
}

export type ApplyResult =
  | { readonly kind: 'refused'; readonly problems: readonly PlacedProblem[] }
  | {
      readonly kind: 'applied' | 'would apply';
      readonly applied: AppliedInventory;
      readonly differences: readonly EntryDifference[];
      /** Rotations that run while their entry changed; each plans anew with the new entry. */
      readonly running: readonly CredentialId[];
      readonly warnings: readonly string[];
    };

/**
 * Makes the two files the inventory of the teams they name. All mistakes at once, or all entries in one transaction.
 * Applying the same files again changes nothing. An entry that is gone is retired, never dropped: its versions stay
 * until they are proved dead.
 */
export async function apply(ports: ApplyPorts, input: ApplyInput): Promise<ApplyResult> {
  const before = await ports.ledger.inventory();
  const reading = readInventory({ ...input, adapters: ports.adapters, others: before.entries });
  if (reading.kind === 'refused') return reading;
  const { inventory } = reading;

  const late = [
    ...(await removedTargets(ports, asTargets(before.targets), inventory.targets)),
    ...keptByOthers(before.entries, inventory),
    ...(await unprovable(ports, inventory)),
  ];
  if (late.length > 0) {
    const sources = { targets: readYaml('targets', input.targets), inventory: readYaml('inventory', input.inventory) };
    return { kind: 'refused', problems: late.map((problem) => sources[problem.file].place(problem)) };
  }

  const own = before.entries.filter(
    (entry) => inventory.teams.includes(entry.team) && !before.retiring.includes(entry.id),
  );
  const applied = await ports.ledger.applyInventory({
    teams: inventory.teams,
    entries: inventory.entries,
    targets: inventory.targets,
    actor: input.actor,
    ...(input.dryRun === undefined ? {} : { dryRun: input.dryRun }),
  });
  const differences = diffInventory(own, inventory.entries);
  if (input.dryRun === true) return { kind: 'would apply', applied, differences, running: [], warnings: [] };
  const { running, warnings } = await tellRunning(ports, [...applied.changed, ...applied.retired, ...applied.returned]);
  return { kind: 'applied', applied, differences, running, warnings };
}

/** A rotation that runs goes on with the entry as it is now: more demands, another mode, or retiring. */
async function tellRunning(
  ports: ApplyPorts,
  changed: readonly CredentialId[],
): Promise<{ running: CredentialId[]; warnings: string[] }> {
  const running: CredentialId[] = [];
  const warnings: string[] = [];
  for (const credential of changed) {
    const facts = await ports.ledger.facts(credential);
    if (facts.openRun === undefined) continue;
    running.push(credential);
    const told = await wakeRotation(ports, credential);
    if (told.trouble !== undefined) warnings.push(`${credential} was not woken: ${told.trouble}`);
  }
  return { running, warnings };
}

/** targets.yml is one file for all: it may not lose what entries of other teams name. */
function keptByOthers(
  applied: readonly Entry[],
  { teams, targets }: CheckedInventory,
): readonly { file: 'targets'; path: string[]; text: string }[] {
  const others = applied.filter(({ team }) => !teams.includes(team));
  return others.flatMap((other) => [
    ...(Object.hasOwn(targets.targets, other.target)
      ? []
      : [
          {
            file: 'targets' as const,
            path: ['targets'],
            text: `target ${other.target} is missing: ${other.id} names it`,
          },
        ]),
    ...other.backends
      .filter(({ backend }) => !Object.hasOwn(targets.backends, backend))
      .map(({ backend }) => ({
        file: 'targets' as const,
        path: ['backends'],
        text: `backend ${backend} is missing: ${other.id} names it`,
      })),
  ]);
}

/** Demands that a target or a consumer cannot show, asked of whoever knows the adapters. */
async function unprovable(
  ports: ApplyPorts,
  { entries, targets }: CheckedInventory,
): Promise<readonly { file: 'inventory'; path: string[]; text: string }[]> {
  const findings = await ports.checks.demands(entries, targets);
  return findings
    .filter(({ verdict }) => verdict === 'failure' || verdict === 'cannot tell')
    .map(({ subject, text, remedy }) => ({
      file: 'inventory' as const,
      path: ['credentials', subject],
      text: remedy === undefined ? text : `${text}: ${remedy}`,
    }));
}
