import type { EvidenceFacts, SilenceFacts } from '../domain/facts.ts';
import { missingEvidence } from '../domain/gate.ts';
import type { MissingEvidence } from '../domain/gate.ts';
import { compiled, compiledFirst } from './compiled.ts';
import type { Waived } from './events.ts';
import type { CredentialRow, Db } from './schema.ts';
import { openRequests } from './facts.ts';
import { leaseBelieved, readServed, servedKey } from './served.ts';
import { storedEntry } from './stored-entry.ts';

type EvidenceKinds = EvidenceFacts['evidence'][number]['kind'];

interface OfEpoch {
  readonly [name: string]: string | number;
  readonly credential: string;
  readonly epoch: number;
}

const selectDecidedAt = compiledFirst((db, { credential, epoch }: OfEpoch) =>
  db.selectFrom('epochs').select('decided_at').where('credential', '=', credential).where('n', '=', epoch),
);
const selectDemands = compiled((db, { credential, epoch }: OfEpoch) =>
  db
    .selectFrom('demands')
    .selectAll()
    .where('credential', '=', credential)
    .where('epoch', '=', epoch)
    .orderBy('consumer'),
);
const selectEvidence = compiled((db, { credential, epoch }: OfEpoch) =>
  db
    .selectFrom('evidence')
    .selectAll()
    .where('credential', '=', credential)
    .where('epoch', '=', epoch)
    .orderBy('consumer')
    .orderBy('instance')
    .orderBy('kind'),
);
const selectWaivers = compiled((db, { credential, epoch }: OfEpoch) =>
  db
    .selectFrom('waivers')
    .selectAll()
    .where('credential', '=', credential)
    .where('epoch', '=', epoch)
    .orderBy('consumer')
    .orderBy('instance'),
);
const selectNote = compiledFirst((db, given: { readonly key: string }) =>
  db.selectFrom('sweep_notes').select('value').where('key', '=', given.key),
);
const selectWatch = compiledFirst((db, given: { readonly version: string }) =>
  db.selectFrom('watch').selectAll().where('version', '=', given.version),
);
const selectInstances = compiled(
  (db, given: { readonly credential: string; readonly beating: number; readonly decidedAt: number }) =>
    db
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
      .where('instances.credential', '=', given.credential)
      .where((where) =>
        where.or([
          where('leases.lease_until', '>=', given.beating),
          where('instances.registered_at', '>=', given.decidedAt),
        ]),
      )
      .where((where) =>
        where.or([where('instances.left_at', 'is', null), where('instances.left_at', '>=', given.decidedAt)]),
      )
      .orderBy('instances.consumer')
      .orderBy('instances.instance')
      .orderBy('instances.registered_at'),
);

/** Line 3 of GATE for the newest epoch. */
export async function readEvidence(db: Db, credential: CredentialRow): Promise<EvidenceFacts> {
  const ofEpoch = { credential: credential.id, epoch: credential.epoch };
  const decidedAt = (await selectDecidedAt(db, ofEpoch))?.decided_at ?? 0;
  const demands = await selectDemands(db, ofEpoch);
  const evidence = await selectEvidence(db, ofEpoch);
  const waivers = await selectWaivers(db, ofEpoch);
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

/** No lease is believed longer after it ran out than this, in milliseconds: it bounds what is read. */
const longestOutage = 30 * 86_400_000;

/**
 * Seen since then, or beating at it: a lease that ran at that moment ends after it, and so does every later one. One
 * that ran out while keybaton was not to be reached ran on.
 */
async function instancesSince(db: Db, credential: string, decidedAt: number): Promise<EvidenceFacts['instances']> {
  const note = await selectNote(db, { key: servedKey });
  const served = readServed(note?.value);
  const beating = served === undefined ? decidedAt : decidedAt - longestOutage;
  const rows = await selectInstances(db, { credential, beating, decidedAt });
  const beats = ({ seen_at: seenAt, lease_until: leaseUntil }: (typeof rows)[number]): boolean =>
    seenAt !== null && leaseUntil !== null && leaseBelieved(served, { seenAt, leaseUntil }, decidedAt) >= decidedAt;
  return rows
    .filter((row) => row.registered_at >= decidedAt || beats(row))
    .map((row) => ({
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
  const row = await selectWatch(db, { version });
  if (row === undefined || row.reading === null) return undefined;
  // Written by `watch`.
  const reading = JSON.parse(row.reading) as SilenceFacts;
  return {
    ...reading,
    watchingSince: Math.max(reading.watchingSince, row.own_probe ?? 0),
    lastUseAt: reading.lastUseAt,
  };
}
