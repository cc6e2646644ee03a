import type { Entry } from '../domain/entry.ts';
import { KeybatonError } from '../domain/errors.ts';
import type { CredentialId } from '../domain/identifiers.ts';
import { canonical } from './canonical.ts';
import type { ApplyInventory } from './ledger.ts';
import type { CredentialRow } from './schema.ts';
import { storedEntry } from './stored-entry.ts';

export interface InventoryDiff {
  readonly added: readonly Entry[];
  readonly changed: readonly Entry[];
  readonly renamed: readonly { readonly from: CredentialId; readonly to: CredentialId }[];
  readonly retired: readonly CredentialId[];
  readonly returned: readonly Entry[];
}

/** What applying these entries means for the rows. Throws ACCESS_DENIED when an entry, or the row it would take, is another team's. */
export function diffInventory(rows: readonly CredentialRow[], input: ApplyInventory): InventoryDiff {
  const stored = new Map(rows.map((row) => [row.id, { row, entry: storedEntry(row.entry) }]));
  const ours = (entry: Entry): boolean => input.teams.includes(entry.team);
  for (const entry of input.entries) {
    const taken = stored.get(entry.id);
    if (!ours(entry)) throw denied(entry.id, entry.team, input.teams);
    if (taken !== undefined && taken.row.status !== 'released' && !ours(taken.entry))
      throw denied(entry.id, taken.entry.team, input.teams);
  }

  const renamed = findRenames(input, stored);
  for (const { from } of renamed) {
    const owner = stored.get(from)?.entry.team ?? '';
    if (!input.teams.includes(owner)) throw denied(from, owner, input.teams);
  }
  const cameFrom = new Map(renamed.map(({ from, to }) => [to, from]));
  const gone = new Set<string>(renamed.map(({ from }) => from));
  const wanted = new Set<string>(input.entries.map((entry) => entry.id));

  const added: Entry[] = [];
  const changed: Entry[] = [];
  const returned: Entry[] = [];
  for (const entry of input.entries) {
    const former = cameFrom.get(entry.id);
    const known = former === undefined ? (gone.has(entry.id) ? undefined : stored.get(entry.id)) : stored.get(former);
    if (known === undefined) added.push(entry);
    else if (known.row.status !== 'managed') returned.push(entry);
    else if (canonical(known.entry) !== canonical(entry)) changed.push(entry);
  }
  const retired = rows
    // The names were checked when they were added.
    .filter(
      (row) => row.status === 'managed' && !wanted.has(row.id) && !gone.has(row.id) && ours(storedEntry(row.entry)),
    )
    .map((row) => row.id as CredentialId);
  return { added, changed, renamed, retired, returned };
}

/**
 * A new name takes the row its entry moved from. Done already, or named after a credential that never was: no rename.
 * A chain (c from b, b from a) is renamed from its free end, so that no two rows bear one name.
 */
function findRenames(
  input: ApplyInventory,
  stored: ReadonlyMap<string, { readonly row: CredentialRow }>,
): { from: CredentialId; to: CredentialId }[] {
  const renamed: { from: CredentialId; to: CredentialId }[] = [];
  const taken = new Set(stored.keys());
  const open = input.entries.filter((entry) => entry.movedFrom !== undefined);
  for (let progress = true; progress;) {
    progress = false;
    for (const { id, movedFrom } of open) {
      if (movedFrom === undefined || taken.has(id) || !taken.has(movedFrom)) continue;
      if (
        stored.get(movedFrom)?.row.status === 'released' ||
        renamed.some((one) => one.from === movedFrom || one.to === movedFrom)
      )
        continue;
      renamed.push({ from: movedFrom, to: id });
      taken.delete(movedFrom);
      taken.add(id);
      progress = true;
    }
  }
  return renamed;
}

function denied(id: string, team: string, teams: readonly string[]): KeybatonError {
  return new KeybatonError(
    'ACCESS_DENIED',
    `${id} belongs to team ${team}; this inventory speaks for ${teams.join(', ')} alone`,
  );
}
