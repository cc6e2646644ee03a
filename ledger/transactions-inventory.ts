import { dueWithin, nextDue } from '../domain/due.ts';
import type { Entry, EvidenceKind } from '../domain/entry.ts';
import { satisfies } from '../domain/entry.ts';
import { KeybatonError } from '../domain/errors.ts';
import type { CredentialId } from '../domain/identifiers.ts';
import { canonical } from './canonical.ts';
import { diffInventory } from './inventory-diff.ts';
import type { InventoryDiff } from './inventory-diff.ts';
import type { AppliedInventory, ApplyInventory, Ledger } from './ledger.ts';
import type { CredentialRow } from './schema.ts';
import { openRequests } from './facts.ts';
import { closeRequest } from './requests.ts';
import { storedEntry } from './stored-entry.ts';
import type { Store } from './store.ts';
import type { Transaction } from './transaction.ts';

export function inventoryTransactions(store: Store): Pick<Ledger, 'applyInventory' | 'inventory'> {
  return {
    async applyInventory(input) {
      const work = async (transaction: Transaction): Promise<AppliedInventory> => {
        const ids = await transaction.db.selectFrom('credentials').select('id').orderBy('id').execute();
        // The names were checked when they were added.
        if (ids.length > 0) await transaction.lock(...ids.map((row) => row.id as CredentialId));
        const rows = await transaction.db.selectFrom('credentials').selectAll().orderBy('id').execute();
        const diff = diffInventory(rows, input);
        const before = await transaction.db.selectFrom('inventory').selectAll().where('id', '=', 1).executeTakeFirst();
        refuseOvertaken(before?.n ?? 0, input.expected);
        const changes =
          diff.added.length + diff.renamed.length + diff.retired.length + diff.returned.length + diff.changed.length;
        const same = changes === 0 && before?.targets === canonical(input.targets);
        const n = (before?.n ?? 0) + (same ? 0 : 1);
        const answer = { n, ...answerOf(diff) };
        if (same || input.dryRun === true) return answer;
        await refuseRenameOfRunning(transaction, diff);
        await transaction.append({
          kind: 'inventory.applied',
          actor: input.actor,
          body: { n, targets: input.targets, teams: input.teams },
        });
        await write(transaction, diff, rows, input);
        return answer;
      };
      return store.write(work);
    },

    async inventory() {
      return store.read(async (db) => {
        const applied = await db.selectFrom('inventory').selectAll().where('id', '=', 1).executeTakeFirst();
        const rows = await db
          .selectFrom('credentials')
          .selectAll()
          .where('status', '!=', 'released')
          .orderBy('id')
          .execute();
        return {
          n: applied?.n ?? 0,
          entries: rows.map((row) => storedEntry(row.entry)),
          // The names were checked when they were added.
          retiring: rows.filter((row) => row.status === 'retiring').map((row) => row.id as CredentialId),
          targets: applied === undefined ? {} : (JSON.parse(applied.targets) as unknown),
        };
      });
    },
  };
}

function refuseOvertaken(n: number, expected: number | undefined): void {
  if (expected === undefined || expected === n) return;
  throw new KeybatonError('CONFLICT', `the inventory is number ${n} by now, not ${expected}: look at it again first`);
}

async function write(
  transaction: Transaction,
  diff: InventoryDiff,
  rows: readonly CredentialRow[],
  input: ApplyInventory,
): Promise<void> {
  const { actor } = input;
  for (const { from, to } of diff.renamed) {
    await transaction.append({ kind: 'entry.renamed', actor, credential: to, body: { from } });
    // Not in the projection: rebuilt later, it would move the leases of whoever bears the old name by then.
    await transaction.db.updateTable('leases').set({ credential: to }).where('credential', '=', from).execute();
  }
  for (const entry of diff.added)
    await transaction.append({ kind: 'entry.added', actor, credential: entry.id, body: { entry } });
  for (const id of diff.retired) await transaction.append({ kind: 'entry.retired', actor, credential: id, body: {} });
  for (const entry of diff.returned) await takeBack(transaction, entry, actor);
  for (const entry of diff.changed) {
    const former = diff.renamed.find((one) => one.to === entry.id)?.from ?? entry.id;
    const last = rows.find((row) => row.id === former)?.last_rotated_at ?? null;
    const asked = last === null ? null : nextDue(entry.schedule, entry.id, last);
    const dueAt = asked === null ? null : dueWithin(asked, await lifeOfCurrent(transaction, entry));
    await transaction.append({ kind: 'entry.changed', actor, credential: entry.id, body: { entry, dueAt } });
  }
  for (const entry of [...diff.changed, ...diff.returned]) await growDemands(transaction, entry, actor);
}

/** What nobody may count on any more is due at once. Who let it go spoke for the time before: removed again, it is asked again. */
async function takeBack(transaction: Transaction, entry: Entry, actor: string): Promise<void> {
  const body = (await currentMayStay(transaction, entry)) ? { entry } : { entry, dueAt: transaction.now };
  await transaction.append({ kind: 'entry.returned', actor, credential: entry.id, body });
  for (const request of await openRequests(transaction.db, [entry.id]))
    if (request.release === 'retire' && request.credential === entry.id)
      await closeRequest(transaction, request, 'lapsed', actor, 'the entry is in the inventory again');
}

async function currentMayStay({ db }: Transaction, { id }: Entry): Promise<boolean> {
  const current = await db
    .selectFrom('versions')
    .select('id')
    .where('credential', '=', id)
    .where('fate', '=', 'current')
    .where('authorised_epoch', 'is', null)
    .where('kill_begun', '=', 0)
    .executeTakeFirst();
  return current !== undefined;
}

/** From when until when the provider lets the current version live; undefined: until it is revoked. */
async function lifeOfCurrent(
  { db }: Transaction,
  { id }: Entry,
): Promise<{ readonly from: number; readonly until: number } | undefined> {
  const current = await db
    .selectFrom('versions')
    .select(['created_at', 'expires_at'])
    .where('credential', '=', id)
    .where('fate', '=', 'current')
    .executeTakeFirst();
  if (current === undefined || current.expires_at === null) return undefined;
  return { from: current.created_at, until: current.expires_at };
}

/** The demands of an epoch whose old version still lives only grow: a consumer added now counts, one removed stays. */
async function growDemands(transaction: Transaction, entry: Entry, actor: string): Promise<void> {
  if ('none' in entry.consumers) return;
  const { db } = transaction;
  const { epoch } = await db
    .selectFrom('credentials')
    .select('epoch')
    .where('id', '=', entry.id)
    .executeTakeFirstOrThrow();
  const owed = await db
    .selectFrom('versions')
    .select('id')
    .where('credential', '=', entry.id)
    .where('ever_current', '=', 1)
    .where('fate', '=', 'doomed')
    .executeTakeFirst();
  if (epoch === 0 || owed === undefined) return;
  const demands = await db
    .selectFrom('demands')
    .selectAll()
    .where('credential', '=', entry.id)
    .where('epoch', '=', epoch)
    .execute();
  for (const { name, demand, kind, deadline } of entry.consumers) {
    const before = demands.find((one) => one.consumer === name);
    // The column holds what an entry demanded.
    if (before !== undefined && satisfies(before.demand as EvidenceKind, demand)) continue;
    await transaction.append({
      kind: 'demand.added',
      actor,
      credential: entry.id,
      epoch,
      body: { consumer: name, demand, kind, deadline },
    });
  }
}

/** A run bears the old name in its workflow's id: two names would let two rotations act on one credential. */
async function refuseRenameOfRunning(transaction: Transaction, diff: InventoryDiff): Promise<void> {
  if (diff.renamed.length === 0) return;
  const from = diff.renamed.map((one) => one.from);
  const running = await transaction.db
    .selectFrom('runs')
    .select('credential')
    .where('credential', 'in', from)
    .where('ended_at', 'is', null)
    .execute();
  if (running.length === 0) return;
  const names = running.map((row) => row.credential).join(', ');
  throw new KeybatonError('CONFLICT', `a rotation of ${names} is running: rename when it has ended`);
}

function answerOf(diff: InventoryDiff): Omit<AppliedInventory, 'n'> {
  return {
    added: diff.added.map((entry) => entry.id),
    changed: diff.changed.map((entry) => entry.id),
    renamed: diff.renamed,
    retired: diff.retired,
    returned: diff.returned.map((entry) => entry.id),
  };
}
