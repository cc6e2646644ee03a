import type { Ref } from '../domain/facts.ts';
import { canonical } from './canonical.ts';
import type { Copy } from './events.ts';
import type { Changes, Db, NewVersionRow } from './schema.ts';

export async function insertVersion(
  db: Db,
  row: Pick<NewVersionRow, 'id' | 'credential' | 'ordinal' | 'fate' | 'target' | 'created_at'> & Partial<NewVersionRow>,
): Promise<void> {
  const blank = {
    ever_current: 0,
    compromised: 0,
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
  };
  await db
    .insertInto('versions')
    .values({ ...blank, ...row })
    .execute();
}

export async function update(db: Db, version: string, values: Changes<'versions'>): Promise<void> {
  await db.updateTable('versions').set(values).where('id', '=', version).execute();
}

export async function addRef(db: Db, version: string, ref: Ref, at: number): Promise<void> {
  await db
    .insertInto('refs')
    .values({ version, ref_key: canonical(ref), seen_at: at, gone: 0 })
    .onConflict((conflict) => conflict.columns(['version', 'ref_key']).doUpdateSet({ seen_at: at, gone: 0 }))
    .execute();
}

export async function addCopy(
  db: Db,
  version: string,
  copy: Copy,
  keptAs: 'staged' | 'main',
  epoch: number | null,
): Promise<void> {
  await db
    .insertInto('copies')
    .values({ version, backend: copy.backend, path: copy.path, kept_as: keptAs, epoch, gone: 0 })
    .onConflict((conflict) =>
      conflict.columns(['version', 'backend', 'path', 'kept_as']).doUpdateSet({ epoch, gone: 0 }),
    )
    .execute();
}

export async function endIntents(
  db: Db,
  version: string,
  effects: readonly string[],
  place?: string,
  epoch?: number,
): Promise<void> {
  let query = db
    .updateTable('intents')
    .set({ outcome: 'done', why: null })
    .where('version', '=', version)
    .where('effect', 'in', effects);
  if (place !== undefined) query = query.where('place', '=', place);
  if (epoch !== undefined) query = query.where('epoch', '=', epoch);
  await query.execute();
}
