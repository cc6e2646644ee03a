import type { Ref } from '../domain/facts.ts';
import { canonical } from './canonical.ts';
import { compiled, type Given } from './compiled.ts';
import type { Copy } from './events.ts';
import type { Changes, Db, NewVersionRow } from './schema.ts';

export async function insertVersion(
  db: Db,
  row: Pick<NewVersionRow, 'id' | 'credential' | 'ordinal' | 'fate' | 'target' | 'created_at'> & Partial<NewVersionRow>,
): Promise<void> {
  const blank = {
    ever_current: 0,
    compromised: 0,
    compromised_at: null,
    spent: 0,
    refused: 0,
    issued: 0,
    expires_at: null,
    fingerprint: null,
    baseline: null,
    suspended_at: null,
    resumes: 0,
    authorised_epoch: null,
    withdrawals: 0,
    kill_begun: 0,
    dead_at: null,
    grade: null,
    revivals: 0,
    refusals: 0,
    first_refusal_at: null,
    last_refusal_at: null,
    only_by_hand: 0,
    debt_moved: 0,
    drill: 0,
  };
  await insertRow(db, { ...blank, ...row });
}

const insertRow = compiled((db, row: NewVersionRow & Given) => db.insertInto('versions').values(row));

const updatePlain = compiled((db, { id, ...values }: Given & { readonly id: string }) =>
  // Its callers have typed them as changes of this table.
  db
    .updateTable('versions')
    .set(values as Changes<'versions'>)
    .where('id', '=', id),
);

/** Nothing in it that the database works out? */
const isPlain = (values: object): values is Given =>
  Object.values(values).every((one) => (typeof one !== 'object' && typeof one !== 'function') || one === null);

export async function update(db: Db, version: string, values: Changes<'versions'>): Promise<void> {
  const given: object = values;
  if (isPlain(given)) await updatePlain(db, { ...given, id: version });
  else await db.updateTable('versions').set(values).where('id', '=', version).execute();
}

const insertRef = compiled((db, { version, key, at }: { version: string; key: string; at: number }) =>
  db
    .insertInto('refs')
    .values({ version, ref_key: key, seen_at: at, gone: 0 })
    .onConflict((conflict) => conflict.columns(['version', 'ref_key']).doUpdateSet({ seen_at: at, gone: 0 })),
);

export async function addRef(db: Db, version: string, ref: Ref, at: number): Promise<void> {
  await insertRef(db, { version, key: canonical(ref), at });
}

interface NewCopy {
  readonly [name: string]: string | number | null;
  readonly version: string;
  readonly backend: string;
  readonly path: string;
  readonly keptAs: string;
  readonly epoch: number | null;
}

const insertCopy = compiled((db, { version, backend, path, keptAs, epoch }: NewCopy) =>
  db
    .insertInto('copies')
    .values({ version, backend, path, kept_as: keptAs, epoch, gone: 0 })
    .onConflict((conflict) =>
      conflict.columns(['version', 'backend', 'path', 'kept_as']).doUpdateSet({ epoch, gone: 0 }),
    ),
);

export async function addCopy(
  db: Db,
  version: string,
  copy: Copy,
  keptAs: 'staged' | 'main',
  epoch: number | null,
): Promise<void> {
  await insertCopy(db, { version, backend: copy.backend, path: copy.path, keptAs, epoch });
}

interface OfIntents extends Given {
  readonly version: string;
  readonly effects: readonly string[];
}

const endEffects = compiled((db, { version, effects, place, epoch }: OfIntents) => {
  let query = db
    .updateTable('intents')
    .set({ outcome: 'done', why: null })
    .where('version', '=', version)
    .where('effect', 'in', effects);
  // Given, or not given: each is a query of its own.
  if (place !== undefined) query = query.where('place', '=', place as string);
  if (epoch !== undefined) query = query.where('epoch', '=', epoch as number);
  return query;
});

export async function endIntents(
  db: Db,
  version: string,
  effects: readonly string[],
  place?: string,
  epoch?: number,
): Promise<void> {
  const where = { ...(place === undefined ? {} : { place }), ...(epoch === undefined ? {} : { epoch }) };
  await endEffects(db, { version, effects, ...where });
}
