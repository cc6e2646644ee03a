import type { Dialect } from './migrations.ts';

/** What a sweep finds by index, and what it keeps; rows of an older ledger are filled in from their entries. */
export function sweepTables(dialect: Dialect): readonly string[] {
  const postgres = dialect === 'postgres';
  const int = postgres ? 'bigint' : 'integer';
  const text = postgres ? 'text collate "C"' : 'text';
  const target = postgres ? `entry::jsonb->>'target'` : `json_extract(entry, '$.target')`;
  const standby = postgres ? `(entry::jsonb->'standby')::text = 'true'` : `json_extract(entry, '$.standby') = 1`;
  const mates = postgres
    ? `select id, mate from credentials, jsonb_array_elements_text(entry::jsonb->'apartFrom') as mate`
    : `select credentials.id, json_each.value from credentials, json_each(entry, '$.apartFrom') where true`;
  return [
    `alter table credentials add column target ${text} not null default ''`,
    `alter table credentials add column standby ${int} not null default 0`,
    `update credentials set target = ${target}, standby = case when ${standby} then 1 else 0 end`,
    `create table mates (credential ${text} not null, mate ${text} not null, primary key (credential, mate))`,
    `insert into mates (credential, mate) ${mates} on conflict do nothing`,
    'create index mates_by_mate on mates (mate)',
    `alter table alarms add column reminders ${int} not null default 0`,
    `alter table alarms add column next_at ${int}`,
    'update alarms set next_at = raised_at + 3600000 where cured_at is null',
    'create index open_alarms on alarms (credential, key) where cured_at is null',
    `create table ignored_keys (target ${text} not null, ref_key ${text} not null, who ${text} not null, why ${text} not null, at ${int} not null,
      primary key (target, ref_key))`,
    `create table sightings (target ${text} not null, kind ${text} not null, ref_key ${text} not null, first_at ${int} not null, last_at ${int} not null,
      primary key (target, kind, ref_key))`,
    `create table sweep_notes (key ${text} primary key, value ${text} not null)`,
    `create index credentials_by_due on credentials (due_at, id) where status = 'managed'`,
    `create index credentials_never_rotated on credentials (since) where status = 'managed' and epoch = 0`,
    'create index credentials_reopened on credentials (id) where reopened = 1',
    `create index credentials_retiring on credentials (id) where status = 'retiring'`,
    'create index credentials_with_standby on credentials (id) where standby = 1',
    'create index credentials_by_target on credentials (target)',
    `create index doomed_versions on versions (credential) where fate = 'doomed'`,
    `create index standby_versions on versions (credential) where fate = 'standby'`,
    'create index moved_debts on versions (id) where debt_moved = 1',
    'create index runs_by_credential on runs (credential, ended_at)',
  ];
}
