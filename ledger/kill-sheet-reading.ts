import { setImmediate } from 'node:timers/promises';
import type { CredentialFacts } from '../domain/facts.ts';
import { freezable } from '../domain/freeze.ts';
import { credentialParts } from '../domain/identifiers.ts';
import { readFacts } from './facts.ts';
import type { KillSheet, KillSheetCredential } from './kill-sheet-shapes.ts';
import { isProjected } from './project.ts';
import type { CredentialRow, Db } from './schema.ts';

/** A sheet as it lies on the disk. */
export interface SheetText {
  readonly n: number;
  readonly installation: string;
  readonly text: string;
}

/** Credentials read with one set of queries. */
const page = 200;
/** Beyond so many events everything is read again. */
const mostEvents = 5_000;

interface Parts {
  /** The newest event they include, and its hash: another ledger in the same place has another one. */
  n: number;
  hash: string;
  targets: unknown;
  /** The JSON of each, in the order of their ids. */
  readonly credentials: Map<string, string>;
}

/**
 * Makes kill sheets, one after the other. The first reads every credential; after that only those are read of which an event
 * tells: thousands of them while one rotates would cost more than its rotation. Undefined when nothing was written since
 * event `known`.
 */
export function sheetReader(
  installation: string,
): (db: Db, now: number, known: number) => Promise<SheetText | undefined> {
  let parts: Parts | undefined;

  return async (db, now, known) => {
    const head = await db.selectFrom('chain').select(['n', 'hash']).where('id', '=', 1).executeTakeFirstOrThrow();
    if (head.n === known) return undefined;
    const changed = parts && (await changedSince(db, parts, head.n));
    if (parts === undefined || changed === undefined || !(await readAgain(db, parts, changed, now))) {
      // Nothing is kept of the last ones if this breaks off in the middle.
      parts = undefined;
      parts = { ...head, targets: await readTargets(db), credentials: await readAll(db, now) };
    }
    Object.assign(parts, head);
    const empty: KillSheet = { format: 1, installation, n: head.n, at: now, targets: parts.targets, credentials: [] };
    const front = JSON.stringify(empty).slice(0, -']}'.length);
    return { n: head.n, installation, text: `${front}${[...parts.credentials.values()].join(',')}]}` };
  };
}

/** The credentials that events since then tell of; undefined when more than single ones may have changed. */
async function changedSince(db: Db, parts: Parts, head: number): Promise<readonly string[] | undefined> {
  if (head - parts.n > mostEvents) return undefined;
  const [last, ...events] = await db
    .selectFrom('events')
    .select(['hash', 'kind', 'credential'])
    .where('n', '>=', parts.n)
    .orderBy('n')
    .execute();
  if (last?.hash !== parts.hash) return undefined;
  const changed = new Set<string>();
  for (const { kind, credential } of events) {
    if (!isProjected(kind)) continue;
    if (credential === null || ofTheWhole.test(kind)) return undefined;
    changed.add(credential);
  }
  return [...changed];
}

/** They change what there is, what it is called, or more than the credential they name. */
const ofTheWhole = /^(entry|inventory|ledger|incident)\./;

/** @returns false when one of them was not there under that name */
async function readAgain(db: Db, parts: Parts, changed: readonly string[], now: number): Promise<boolean> {
  for (let start = 0; start < changed.length; start += page) {
    const ids = changed.slice(start, start + page);
    const rows = await db.selectFrom('credentials').selectAll().where('id', 'in', ids).execute();
    if (rows.length < ids.length || rows.some(({ id }) => !parts.credentials.has(id))) return false;
    await readRows(db, rows, now, parts.credentials);
  }
  return true;
}

async function readAll(db: Db, now: number): Promise<Map<string, string>> {
  const credentials = new Map<string, string>();
  for (let after = ''; ;) {
    const rows = await db
      .selectFrom('credentials')
      .selectAll()
      .where('id', '>', after)
      .orderBy('id')
      .limit(page)
      .execute();
    const last = rows.at(-1);
    if (last === undefined) return credentials;
    after = last.id;
    await readRows(db, rows, now, credentials);
  }
}

async function readRows(db: Db, rows: readonly CredentialRow[], now: number, into: Map<string, string>): Promise<void> {
  for (const facts of await readFacts(db, rows, now)) into.set(facts.id, JSON.stringify(onSheet(facts)));
  // An embedded ledger reads in this thread: heartbeats and kills go first.
  await setImmediate();
}

async function readTargets(db: Db): Promise<unknown> {
  const applied = await db.selectFrom('inventory').select('targets').where('id', '=', 1).executeTakeFirst();
  return applied === undefined ? {} : (JSON.parse(applied.targets) as unknown);
}

function onSheet(facts: CredentialFacts): KillSheetCredential {
  const { entry } = facts;
  const known = freezable(facts);
  const compromised = new Set<string>(facts.versions.filter((one) => one.compromised).map((one) => one.id));
  return {
    ...known,
    status: facts.status,
    target: entry.target,
    team: entry.team,
    groups: entry.groups,
    tier: entry.tier,
    environment: credentialParts(facts.id).environment,
    consumers: 'none' in entry.consumers ? [] : entry.consumers.map((one) => one.name),
    dependents: entry.dependents,
    versions: known.versions.map((one) => ({ ...one, compromised: compromised.has(one.version) })),
  };
}
