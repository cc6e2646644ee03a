import { KeybatonError } from '../domain/errors.ts';
import type { RequestFacts } from '../domain/facts.ts';
import { compiled } from './compiled.ts';
import { stillMissing } from './evidence-facts.ts';
import type { Waived } from './events.ts';
import { openRequests, requestFacts } from './facts.ts';
import type { Ledger, MakeRequest } from './ledger.ts';
import { isProjected } from './project.ts';
import { requestId } from './project-people.ts';
import { refuseRequest, sameRequest } from './request-rules.ts';
import { closeRequest } from './requests.ts';
import { releaseWhenNothingLives } from './retirement.ts';
import type { CredentialRow } from './schema.ts';
import type { Store } from './store.ts';
import type { Transaction } from './transaction.ts';

type Methods = 'request' | 'withdrawRequest' | 'alarm' | 'cure' | 'note';

const selectOpenAlarms = compiled((db, given: { readonly credential: string }) =>
  db
    .selectFrom('alarms')
    .select('key')
    .where('credential', '=', given.credential)
    .where('cured_at', 'is', null)
    .orderBy('key'),
);

/** Nothing where no credential has this name now, and one row without a key where it has no open alarm. */
const selectAlarmsOf = compiled((db, given: { readonly credential: string }) =>
  db
    .selectFrom('credentials')
    .leftJoin('alarms', (join) =>
      join.onRef('alarms.credential', '=', 'credentials.id').on('alarms.cured_at', 'is', null),
    )
    .select('alarms.key')
    .where('credentials.id', '=', given.credential),
);

export function peopleTransactions(store: Store): Pick<Ledger, Methods> {
  return {
    async request(input) {
      return store.write((transaction) =>
        input.credential === undefined
          ? freezeEverything(transaction, input)
          : requestOf(transaction, input, input.credential),
      );
    },

    async withdrawRequest({ id, who, why }) {
      await store.write(async (transaction) => {
        const seen = await transaction.db
          .selectFrom('requests')
          .select('credential')
          .where('id', '=', id)
          .executeTakeFirst();
        if (seen === undefined) throw new KeybatonError('NOT_FOUND', `there is no request ${id}`);
        // The name was checked when the request was made.
        if (seen.credential === null) await transaction.lockEverything('update');
        else await transaction.lock(seen.credential as Parameters<Ledger['facts']>[0]);
        const request = await transaction.db
          .selectFrom('requests')
          .selectAll()
          .where('id', '=', id)
          .executeTakeFirstOrThrow();
        if (request.closed_how === 'withdrawn') return;
        if (request.closed_at !== null)
          throw new KeybatonError('CONFLICT', `the request ended already: it was ${request.closed_how ?? 'closed'}`);
        await closeRequest(transaction, request, 'withdrawn', who, why);
      });
    },

    async alarm({ credential, key, text, page }) {
      await store.write(async (transaction) => {
        const row = await transaction.lock(credential);
        const open = await transaction.db
          .selectFrom('alarms')
          .selectAll()
          .where('credential', '=', row.id)
          .where('key', '=', key)
          .where('cured_at', 'is', null)
          .executeTakeFirst();
        if (open !== undefined && open.text === text && open.page === (page ? 1 : 0)) return;
        await transaction.append({ kind: 'alarm.raised', credential: row.id, body: { key, text, page } });
      });
    },

    async cure({ credential, keyPrefix }) {
      // Nearly always nothing is open: seen without a write, which waits for the disk. An alarm that is raised meanwhile came later.
      const seen = await store.read((db) => selectAlarmsOf(db, { credential }));
      if (seen.length > 0 && !seen.some(({ key }) => key?.startsWith(keyPrefix) === true)) return;
      await store.write(async (transaction) => {
        const row = await transaction.lock(credential);
        const open = await selectOpenAlarms(transaction.db, { credential: row.id });
        for (const { key } of open) {
          if (key.startsWith(keyPrefix))
            await transaction.append({ kind: 'alarm.cured', credential: row.id, body: { key } });
        }
      });
    },

    async note({ kind, credential, actor, body }) {
      if (isProjected(kind))
        throw new KeybatonError('INVALID_CONFIG', `${kind} is an event of the ledger's own and cannot be noted`);
      await store.write(async (transaction) => {
        const row = credential === undefined ? undefined : await transaction.lock(credential);
        await transaction.appendNote({ kind, actor, credential: row?.id ?? null, body });
      });
    },
  };
}

async function freezeEverything(transaction: Transaction, input: MakeRequest): Promise<RequestFacts> {
  if (input.kind !== 'freeze')
    throw new KeybatonError('INVALID_CONFIG', `a ${input.kind} names a credential: only a freeze may be of everything`);
  await transaction.lockEverything('update');
  const open = await transaction.db
    .selectFrom('requests')
    .selectAll()
    .where('credential', 'is', null)
    .where('closed_at', 'is', null)
    .executeTakeFirst();
  return open === undefined ? make(transaction, undefined, input, null) : requestFacts(open);
}

async function requestOf(
  transaction: Transaction,
  input: MakeRequest,
  credential: NonNullable<MakeRequest['credential']>,
): Promise<RequestFacts> {
  const row = await transaction.lock(credential);
  const same = sameRequest(await openRequests(transaction.db, [row.id]), row.id, input);
  if (input.kind === 'rollBack' && same !== undefined && same.version !== (input.version ?? null)) {
    throw new KeybatonError(
      'CONFLICT',
      `a roll-back to ${same.version ?? 'another version'} is open: withdraw ${same.id} first`,
    );
  }
  const waived = input.kind === 'release' && input.release === 'unproved' ? await waivedNow(transaction, row) : null;
  // What came to be missing since is released by a new request; everything else asked again is the first.
  if (same !== undefined && (waived === null || waived.length === 0)) return requestFacts(same);
  await refuseRequest(transaction, row, input);
  const request = await make(transaction, row, input, waived);
  if (input.kind !== 'release' || row.status === 'released') return request;
  if (input.release === 'alive' && input.version !== undefined) await giveUp(transaction, row, request, input.version);
  await releaseWhenNothingLives(transaction, row.id);
  return request;
}

/** A version that cannot be killed is given up by a named person, at once and for ever. */
async function giveUp(
  transaction: Transaction,
  row: CredentialRow,
  request: RequestFacts,
  version: string,
): Promise<void> {
  const { who, why } = request;
  await transaction.append({ kind: 'version.released', actor: who, credential: row.id, version, body: { who, why } });
  const made = await transaction.db
    .selectFrom('requests')
    .selectAll()
    .where('id', '=', request.id)
    .executeTakeFirstOrThrow();
  await closeRequest(transaction, made, 'honoured', 'keybaton', 'the version is given up');
}

async function waivedNow(transaction: Transaction, row: CredentialRow): Promise<readonly Waived[]> {
  const missing = await stillMissing(transaction.db, row, transaction.now);
  return missing.map(({ consumer, instance }) => ({ consumer, instance: instance ?? null }));
}

async function make(
  transaction: Transaction,
  row: CredentialRow | undefined,
  input: MakeRequest,
  waived: readonly Waived[] | null,
): Promise<RequestFacts> {
  const { kind, who, why, version, release } = input;
  const event = await transaction.append({
    kind: 'request.made',
    actor: who,
    credential: row?.id ?? null,
    version: version ?? null,
    epoch: row?.epoch ?? null,
    body: { kind, version: version ?? null, release: release ?? null, who, why, waived },
  });
  const made = await transaction.db
    .selectFrom('requests')
    .selectAll()
    .where('id', '=', requestId(event.n))
    .executeTakeFirstOrThrow();
  return requestFacts(made);
}
