import { sql } from 'kysely';
import { KeybatonError } from '../domain/errors.ts';
import { sweepTables } from './migration-sweeping.ts';
import type { Db } from './schema.ts';

export type Dialect = 'sqlite' | 'postgres';

/** Only ever appended to: a ledger that ran a migration never runs it again. Version n is the n-th element. */
const migrations: readonly ((dialect: Dialect) => readonly string[])[] = [firstTables, incidentTables, sweepTables];

export const schemaVersion = migrations.length;

/**
 * Inside a write transaction that excludes every other opener; up to version `to`. Throws INVALID_CONFIG for a ledger newer
 * than this program.
 */
export async function migrate(db: Db, dialect: Dialect, to = schemaVersion): Promise<void> {
  await sql`create table if not exists meta (key text primary key, value text not null)`.execute(db);
  const row = await db.selectFrom('meta').select('value').where('key', '=', 'schema').executeTakeFirst();
  const found = row === undefined ? 0 : Number(row.value);
  if (found > schemaVersion) {
    throw new KeybatonError(
      'INVALID_CONFIG',
      `the ledger has schema version ${found} and this keybaton knows ${schemaVersion}: start the newer keybaton that wrote it`,
    );
  }
  if (found >= to) return;
  for (const migration of migrations.slice(found, to)) {
    const statements = migration(dialect);
    // PostgreSQL takes them in one message, SQLite one by one.
    for (const text of dialect === 'postgres' ? [statements.join(';\n')] : statements) await sql.raw(text).execute(db);
  }
  await db
    .insertInto('meta')
    .values({ key: 'schema', value: String(to) })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: String(to) }))
    .execute();
}

function firstTables(dialect: Dialect): readonly string[] {
  const int = dialect === 'postgres' ? 'bigint' : 'integer';
  const blob = dialect === 'postgres' ? 'bytea' : 'blob';
  // One order of text on both, so that pages and dumps agree.
  const text = dialect === 'postgres' ? 'text collate "C"' : 'text';
  return [
    `create table chain (id ${int} primary key, n ${int} not null, at ${int} not null, hash ${text} not null)`,
    `insert into chain (id, n, at, hash) values (1, 0, 0, '${'0'.repeat(64)}')`,
    `create table events (n ${int} primary key, at ${int} not null, actor ${text} not null, kind ${text} not null, credential ${text}, version ${text},
      epoch ${int}, incident ${text}, body ${text} not null, fact ${text} unique, prev ${text} not null, hash ${text} not null)`,
    'create index events_by_credential on events (credential, n)',
    `create table watch (version ${text} primary key, reading ${text}, own_probe ${int})`,
    `create table leases (credential ${text} not null, consumer ${text} not null, instance ${text} not null, boot ${text} not null,
      seen_at ${int} not null, lease_until ${int} not null, primary key (credential, consumer, instance, boot))`,
    `create table proof_keys (version ${text} primary key, kv ${blob} not null)`,
    `create table trust (id ${int} primary key, observe_only ${int} not null, why ${text} not null)`,
    `create table inventory (id ${int} primary key, n ${int} not null, targets ${text} not null)`,
    `create table credentials (id ${text} primary key, since ${int} not null, status ${text} not null, entry ${text} not null, epoch ${int} not null,
      due_at ${int}, last_rotated_at ${int}, honoured_by ${text}, reopened ${int} not null, attempts ${int} not null, next_attempt_at ${int})`,
    `create table names (name ${text} not null, credential ${text} not null, from_n ${int} not null, until_n ${int} not null, primary key (name, until_n))`,
    `create table versions (id ${text} primary key, credential ${text} not null, ordinal ${int} not null, fate ${text} not null, ever_current ${int} not null,
      compromised ${int} not null, spent ${int} not null, refused ${int} not null, issued ${int} not null, target ${text} not null, created_at ${int} not null,
      expires_at ${int}, fingerprint ${text}, baseline ${text}, suspended_at ${int}, resumes ${int} not null, authorised_epoch ${int},
      withdrawals ${int} not null, kill_begun ${int} not null, dead_at ${int}, grade ${text}, revivals ${int} not null, refusals ${int} not null,
      first_refusal_at ${int}, last_refusal_at ${int}, only_by_hand ${int} not null, debt_moved ${int} not null)`,
    'create index versions_by_credential on versions (credential)',
    'create index versions_by_target on versions (target)',
    'create index versions_by_fingerprint on versions (fingerprint)',
    `create unique index one_current on versions (credential) where fate = 'current'`,
    `create unique index one_pending on versions (credential) where fate = 'pending'`,
    `create table refs (version ${text} not null, ref_key ${text} not null, seen_at ${int} not null, gone ${int} not null, primary key (version, ref_key))`,
    `create table intents (version ${text} not null, effect ${text} not null, place ${text} not null, epoch ${int} not null, until ${int} not null,
      outcome ${text}, why ${text}, ref_key ${text}, primary key (version, effect, place, epoch))`,
    `create table copies (version ${text} not null, backend ${text} not null, path ${text} not null, kept_as ${text} not null, epoch ${int},
      gone ${int} not null, primary key (version, backend, path, kept_as))`,
    `create table epochs (credential ${text} not null, n ${int} not null, version ${text} not null, why ${text} not null, decided_at ${int} not null, run ${text},
      primary key (credential, n))`,
    `create table demands (credential ${text} not null, epoch ${int} not null, consumer ${text} not null, demand ${text} not null, kind ${text} not null,
      deadline ${int} not null, primary key (credential, epoch, consumer))`,
    `create table instances (credential ${text} not null, consumer ${text} not null, instance ${text} not null, boot ${text} not null,
      registered_at ${int} not null, left_at ${int}, how ${text}, primary key (credential, consumer, instance, boot))`,
    `create table evidence (credential ${text} not null, epoch ${int} not null, consumer ${text} not null, instance ${text} not null, kind ${text} not null,
      at ${int} not null, withdrawn ${int} not null, primary key (credential, epoch, consumer, instance, kind))`,
    `create table waivers (credential ${text} not null, epoch ${int} not null, consumer ${text} not null, instance ${text} not null, who ${text} not null,
      why ${text} not null, at ${int} not null, primary key (credential, epoch, consumer, instance))`,
    `create table requests (id ${text} primary key, credential ${text}, kind ${text} not null, epoch ${int}, version ${text}, release ${text}, who ${text} not null,
      why ${text} not null, at ${int} not null, waived ${text}, closed_at ${int}, closed_how ${text})`,
    'create index open_requests on requests (credential) where closed_at is null',
    `create table runs (run ${text} primary key, credential ${text} not null, reason ${text} not null, started_at ${int} not null, ended_at ${int}, outcome ${text})`,
    'create unique index one_open_run on runs (credential) where ended_at is null',
    `create table alarms (credential ${text} not null, key ${text} not null, text ${text} not null, page ${int} not null, raised_at ${int} not null, cured_at ${int},
      primary key (credential, key))`,
    `create table incidents (id ${text} primary key, declared_at ${int} not null, who ${text} not null, why ${text} not null, closed_at ${int})`,
    `create table incident_versions (incident ${text} not null, version ${text} not null, credential ${text} not null, primary key (incident, version))`,
    'create index incidents_by_version on incident_versions (version)',
    ...appendOnly(dialect),
  ];
}

/** What an incident's clock and the drills need; what the events of an older ledger say of it is filled in. */
function incidentTables(dialect: Dialect): readonly string[] {
  const int = dialect === 'postgres' ? 'bigint' : 'integer';
  const text = dialect === 'postgres' ? 'text collate "C"' : 'text';
  return [
    `alter table incidents add column scope ${text} not null default ''`,
    `alter table incidents add column drill ${int} not null default 0`,
    `alter table incidents add column closed_by ${text}`,
    `alter table incident_versions add column contained_at ${int}`,
    `alter table incident_versions add column dead_at ${int}`,
    `alter table incident_versions add column grade ${text}`,
    `alter table versions add column compromised_at ${int}`,
    `alter table versions add column drill ${int} not null default 0`,
    'create index events_by_incident on events (incident, n) where incident is not null',
    `update incidents set closed_by = (select events.actor from events where events.kind = 'incident.closed' and events.incident = incidents.id)`,
    `update versions set compromised_at = (select min(events.at) from events where events.kind = 'version.compromised' and events.version = versions.id)
      where compromised = 1`,
    ...['contained_at', 'dead_at'].map(
      (column) =>
        `update incident_versions set ${column} = (select versions.dead_at from versions where versions.id = incident_versions.version)`,
    ),
    `update incident_versions set grade = (select versions.grade from versions where versions.id = incident_versions.version)`,
  ];
}

function appendOnly(dialect: Dialect): readonly string[] {
  const refusal = 'the ledger is append-only';
  if (dialect === 'sqlite') {
    return ['update', 'delete'].map(
      (change) =>
        `create trigger events_no_${change} before ${change} on events begin select raise(abort, '${refusal}'); end`,
    );
  }
  return [
    `create function keybaton_append_only() returns trigger language plpgsql as $$ begin raise exception '${refusal}'; end $$`,
    'create trigger events_append_only before update or delete or truncate on events for each statement execute function keybaton_append_only()',
  ];
}
