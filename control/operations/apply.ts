import type { Entry } from '../../domain/entry.ts';
import { codeOf, KeybatonError } from '../../domain/errors.ts';
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
  /** The number of the inventory that was looked at before; CONFLICT when another was applied since. */
  readonly expected?: number;
  /** Which entries of other teams may be named to whoever asks; undefined: all. */
  readonly sees?: (other: Entry) => boolean;
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

  const seen = new Set(before.entries.filter((entry) => input.sees?.(entry) !== false).map(({ id }) => id));
  const named = (credential: CredentialId): boolean => input.sees === undefined || seen.has(credential);
  const late = [
    ...(await removedTargets(ports, asTargets(before.targets), inventory.targets, named)),
    ...keptByOthers(before.entries, inventory, input.sees),
    ...(await unprovable(ports, inventory)),
  ];
  if (late.length > 0) {
    const sources = { targets: readYaml('targets', input.targets), inventory: readYaml('inventory', input.inventory) };
    return { kind: 'refused', problems: late.map((problem) => sources[problem.file].place(problem)) };
  }

  const own = before.entries.filter(
    (entry) => inventory.teams.includes(entry.team) && !before.retiring.includes(entry.id),
  );
  const applied = await applyTo(ports.ledger, input, {
    teams: inventory.teams,
    entries: inventory.entries,
    targets: inventory.targets,
    actor: input.actor,
    ...(input.dryRun === undefined ? {} : { dryRun: input.dryRun }),
    ...(input.expected === undefined ? {} : { expected: input.expected }),
  });
  const differences = diffInventory(own, inventory.entries);
  if (input.dryRun === true) return { kind: 'would apply', applied, differences, running: [], warnings: [] };
  const { running, warnings } = await tellRunning(ports, [...applied.changed, ...applied.retired, ...applied.returned]);
  return { kind: 'applied', applied, differences, running, warnings };
}

/** An id that nobody uses any more is its team's all the same: whose it is, is told to whoever sees it. */
async function applyTo(
  ledger: ApplyPorts['ledger'],
  { sees }: ApplyInput,
  inventory: Parameters<ApplyPorts['ledger']['applyInventory']>[0],
): Promise<AppliedInventory> {
  try {
    return await ledger.applyInventory(inventory);
  } catch (thrown) {
    if (sees === undefined || codeOf(thrown) !== 'ACCESS_DENIED') throw thrown;
    const text = 'an id of this file, or one that an entry has moved from, was of another team: choose another id';
    throw new KeybatonError('ACCESS_DENIED', text);
  }
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
  sees: ApplyInput['sees'],
): readonly { file: 'targets'; path: string[]; text: string }[] {
  const others = applied.filter(({ team }) => !teams.includes(team));
  const untold = (group: string) => ({
    file: 'targets' as const,
    path: [group],
    text: 'something is missing that an entry of another team names: take the file as whoever keeps it has it',
  });
  return others.flatMap((other) =>
    keptBy(other, targets).map((lost) => (sees?.(other) === false ? untold(lost.path[0] ?? 'targets') : lost)),
  );
}

function keptBy(
  other: Entry,
  targets: CheckedInventory['targets'],
): readonly { file: 'targets'; path: string[]; text: string }[] {
  return [
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
    ...('none' in other.consumers ? [] : other.consumers).flatMap(({ kubernetes }) =>
      kubernetes === undefined || Object.hasOwn(targets.clusters ?? {}, kubernetes.cluster)
        ? []
        : [
            {
              file: 'targets' as const,
              path: ['targets'],
              text: `cluster ${kubernetes.cluster} is missing: ${other.id} names it`,
            },
          ],
    ),
  ];
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
