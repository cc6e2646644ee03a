import type { EvidenceFacts, SilenceFacts } from '../domain/facts.ts';
import { missingEvidence } from '../domain/gate.ts';
import type { MissingEvidence } from '../domain/gate.ts';
import type { Waived } from './events.ts';
import type { CredentialRow, Db } from './schema.ts';
import { openRequests } from './facts.ts';
import { storedEntry } from './stored-entry.ts';

type EvidenceKinds = EvidenceFacts['evidence'][number]['kind'];

/** Line 3 of GATE for the newest epoch. */
export async function readEvidence(db: Db, credential: CredentialRow): Promise<EvidenceFacts> {
  const ofEpoch = { credential: credential.id, epoch: credential.epoch };
  const epoch = await db
    .selectFrom('epochs')
    .select('decided_at')
    .where('credential', '=', credential.id)
    .where('n', '=', credential.epoch)
    .executeTakeFirst();
  const decidedAt = epoch?.decided_at ?? 0;
  const demands = await db
    .selectFrom('demands')
    .selectAll()
    .where('credential', '=', ofEpoch.credential)
    .where('epoch', '=', ofEpoch.epoch)
    .orderBy('consumer')
    .execute();
  const evidence = await db
    .selectFrom('evidence')
    .selectAll()
    .where('credential', '=', ofEpoch.credential)
    .where('epoch', '=', ofEpoch.epoch)
    .orderBy('consumer')
    .orderBy('instance')
    .orderBy('kind')
    .execute();
  const waivers = await db
    .selectFrom('waivers')
    .selectAll()
    .where('credential', '=', ofEpoch.credential)
    .where('epoch', '=', ofEpoch.epoch)
    .orderBy('consumer')
    .orderBy('instance')
    .execute();
  const { consumers } = storedEntry(credential.entry);
  return {
    epoch: credential.epoch,
    decidedAt,
    // A consumer once demanded of this epoch stays demanded, whatever the entry says now.
    none: 'none' in consumers && demands.length === 0 ? consumers.none : undefined,
    // Closed lists were checked when they were written; columns are plain text.
    demands: demands.map((row) => ({
      consumer: row.consumer,
      demand: row.demand as EvidenceKinds,
      kind: row.kind as 'service' | 'job',
      deadline: row.deadline,
    })),
    instances: await instancesSince(db, credential.id, decidedAt),
    evidence: evidence.map((row) => ({
      consumer: row.consumer,
      instance: row.instance === '' ? undefined : row.instance,
      kind: row.kind as EvidenceKinds,
      at: row.at,
      withdrawn: row.withdrawn === 1,
    })),
    waivers: waivers.map((row) => ({
      consumer: row.consumer,
      instance: row.instance === '' ? undefined : row.instance,
      who: row.who,
    })),
    released: await releasedUnproved(db, credential),
  };
}

/** Seen since then, or beating at it: a lease that ran at that moment ends after it, and so does every later one. */
async function instancesSince(db: Db, credential: string, decidedAt: number): Promise<EvidenceFacts['instances']> {
  const rows = await db
    .selectFrom('instances')
    .leftJoin('leases', (join) =>
      join
        .onRef('leases.credential', '=', 'instances.credential')
        .onRef('leases.consumer', '=', 'instances.consumer')
        .onRef('leases.instance', '=', 'instances.instance')
        .onRef('leases.boot', '=', 'instances.boot'),
    )
    .selectAll('instances')
    .select(['leases.seen_at', 'leases.lease_until'])
    .where('instances.credential', '=', credential)
    .where((where) =>
      where.or([where('leases.lease_until', '>=', decidedAt), where('instances.registered_at', '>=', decidedAt)]),
    )
    .where((where) => where.or([where('instances.left_at', 'is', null), where('instances.left_at', '>=', decidedAt)]))
    .orderBy('instances.consumer')
    .orderBy('instances.instance')
    .orderBy('instances.registered_at')
    .execute();
  return rows.map((row) => ({
    consumer: row.consumer,
    instance: row.instance,
    boot: row.boot,
    seenAt: row.seen_at ?? row.registered_at,
    leaseUntil: row.lease_until ?? row.registered_at,
    left: row.left_at !== null,
  }));
}

/** What line 3 lacks now, beyond what a person released when it was missing. */
export async function stillMissing(
  db: Db,
  credential: CredentialRow,
  now: number,
): Promise<readonly MissingEvidence[]> {
  return missingEvidence(await readEvidence(db, credential), now);
}

/** What was missing when a person released this epoch unproved. */
async function releasedUnproved(db: Db, credential: CredentialRow): Promise<NonNullable<EvidenceFacts['released']>> {
  return (
    (await openRequests(db, [credential.id]))
      .filter((one) => one.credential === credential.id && one.release === 'unproved' && one.epoch === credential.epoch)
      // Written by `request` from what was missing then.
      .flatMap((one) => (one.waived === null ? [] : (JSON.parse(one.waived) as readonly Waived[])))
      .map(({ consumer, instance }) => ({ consumer, instance: instance ?? undefined }))
  );
}

/** The last reading, its window cut at our own last use of the version. */
export async function readWatch(db: Db, version: string): Promise<SilenceFacts | undefined> {
  const row = await db.selectFrom('watch').selectAll().where('version', '=', version).executeTakeFirst();
  if (row === undefined || row.reading === null) return undefined;
  // Written by `watch`.
  const reading = JSON.parse(row.reading) as SilenceFacts;
  return {
    ...reading,
    watchingSince: Math.max(reading.watchingSince, row.own_probe ?? 0),
    lastUseAt: reading.lastUseAt,
  };
}
