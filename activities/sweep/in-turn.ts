import type { Ledger } from '../../ledger/ledger.ts';

/**
 * The next part of a list that is too long for one sweep; after its end it begins again. The cursor is kept before the
 * part is worked on: what fails in the middle is met again after a whole turn, and never stops the turn.
 */
export async function inTurn<One, Id extends string>(
  ledger: Ledger,
  list: { readonly name: string; readonly limit: number; readonly idOf: (one: One) => Id },
  read: (after: { readonly after?: Id }) => Promise<readonly One[]>,
): Promise<readonly One[]> {
  const kept = (await ledger.remembered(list.name)) ?? '';
  // An id that an earlier sweep read from this very list.
  const page = await read(kept === '' ? {} : { after: kept as Id });
  const last = page.at(-1);
  const next = last === undefined || page.length < list.limit ? '' : list.idOf(last);
  if (next !== kept) await ledger.remember(list.name, next);
  return page;
}
