import type { Insertable, Kysely, Selectable, UpdateObject } from 'kysely';

/**
 * The tables, as both databases have them: text, whole numbers (flags are 0 and 1, times are epoch milliseconds) and
 * JSON as text, so that one projection is byte for byte the same on SQLite and PostgreSQL.
 */
export interface Tables {
  // Facts about this ledger itself, outside the chain.
  meta: { key: string; value: string };
  chain: { id: number; n: number; at: number; hash: string };
  events: EventTable;

  // Overwritten, outside the chain.
  watch: { version: string; reading: string | null; own_probe: number | null };
  leases: {
    credential: string;
    consumer: string;
    instance: string;
    boot: string;
    seen_at: number;
    lease_until: number;
  };
  proof_keys: { version: string; kv: Uint8Array };
  sightings: { target: string; kind: string; ref_key: string; first_at: number; last_at: number };
  sweep_notes: { key: string; value: string };

  // Projections of the events.
  trust: { id: number; observe_only: number; why: string };
  inventory: { id: number; n: number; targets: string };
  credentials: CredentialTable;
  names: { name: string; credential: string; from_n: number; until_n: number };
  versions: VersionTable;
  refs: { version: string; ref_key: string; seen_at: number; gone: number };
  intents: IntentTable;
  copies: { version: string; backend: string; path: string; kept_as: string; epoch: number | null; gone: number };
  epochs: { credential: string; n: number; version: string; why: string; decided_at: number; run: string | null };
  demands: { credential: string; epoch: number; consumer: string; demand: string; kind: string; deadline: number };
  instances: InstanceTable;
  evidence: EvidenceTable;
  waivers: {
    credential: string;
    epoch: number;
    consumer: string;
    instance: string;
    who: string;
    why: string;
    at: number;
  };
  requests: RequestTable;
  runs: {
    run: string;
    credential: string;
    reason: string;
    started_at: number;
    ended_at: number | null;
    outcome: string | null;
  };
  alarms: {
    credential: string;
    key: string;
    text: string;
    page: number;
    raised_at: number;
    cured_at: number | null;
    reminders: number;
    next_at: number | null;
  };
  mates: { credential: string; mate: string };
  ignored_keys: { target: string; ref_key: string; who: string; why: string; at: number };
  incidents: IncidentTable;
  incident_versions: {
    incident: string;
    version: string;
    credential: string;
    contained_at: number | null;
    dead_at: number | null;
    grade: string | null;
  };
}

interface EventTable {
  n: number;
  at: number;
  actor: string;
  kind: string;
  credential: string | null;
  version: string | null;
  epoch: number | null;
  incident: string | null;
  body: string;
  fact: string | null;
  prev: string;
  hash: string;
}

interface CredentialTable {
  id: string;
  /** The event that added it: tells two credentials apart that bore one name one after the other. */
  since: number;
  status: string;
  entry: string;
  target: string;
  standby: number;
  epoch: number;
  due_at: number | null;
  last_rotated_at: number | null;
  honoured_by: string | null;
  reopened: number;
  attempts: number;
  next_attempt_at: number | null;
}

interface VersionTable {
  id: string;
  credential: string;
  ordinal: number;
  fate: string;
  ever_current: number;
  compromised: number;
  /** When the ledger first heard of it. */
  compromised_at: number | null;
  spent: number;
  refused: number;
  issued: number;
  target: string;
  created_at: number;
  expires_at: number | null;
  fingerprint: string | null;
  baseline: string | null;
  suspended_at: number | null;
  resumes: number;
  authorised_epoch: number | null;
  withdrawals: number;
  kill_begun: number;
  dead_at: number | null;
  grade: string | null;
  revivals: number;
  refusals: number;
  first_refusal_at: number | null;
  last_refusal_at: number | null;
  only_by_hand: number;
  debt_moved: number;
  drill: number;
}

interface IntentTable {
  version: string;
  effect: string;
  place: string;
  epoch: number;
  until: number;
  outcome: string | null;
  why: string | null;
  ref_key: string | null;
}

interface InstanceTable {
  credential: string;
  consumer: string;
  instance: string;
  boot: string;
  registered_at: number;
  left_at: number | null;
  how: string | null;
}

interface EvidenceTable {
  credential: string;
  epoch: number;
  consumer: string;
  /** Empty: the consumer as a whole. */
  instance: string;
  kind: string;
  at: number;
  withdrawn: number;
}

interface RequestTable {
  id: string;
  credential: string | null;
  kind: string;
  epoch: number | null;
  version: string | null;
  release: string | null;
  who: string;
  why: string;
  at: number;
  /** release --unproved: what was missing of GATE 3 when it was asked, as JSON. */
  waived: string | null;
  closed_at: number | null;
  closed_how: string | null;
}

interface IncidentTable {
  id: string;
  declared_at: number;
  who: string;
  why: string;
  scope: string;
  drill: number;
  closed_at: number | null;
  closed_by: string | null;
}

export type Db = Kysely<Tables>;
export type Changes<Table extends keyof Tables> = UpdateObject<Tables, Table>;
export type EventRow = Selectable<EventTable>;
export type CredentialRow = Selectable<CredentialTable>;
export type VersionRow = Selectable<VersionTable>;
export type RequestRow = Selectable<RequestTable>;
export type IncidentRow = Selectable<IncidentTable>;
export type NewVersionRow = Insertable<VersionTable>;

/** Made from events, dropped by `rebuild`; with the columns that put their rows in a fixed order. */
export const projections = {
  trust: ['id'],
  inventory: ['id'],
  credentials: ['id'],
  names: ['name', 'until_n'],
  versions: ['id'],
  refs: ['version', 'ref_key'],
  intents: ['version', 'effect', 'place', 'epoch'],
  copies: ['version', 'backend', 'path', 'kept_as'],
  epochs: ['credential', 'n'],
  demands: ['credential', 'epoch', 'consumer'],
  instances: ['credential', 'consumer', 'instance', 'boot'],
  evidence: ['credential', 'epoch', 'consumer', 'instance', 'kind'],
  waivers: ['credential', 'epoch', 'consumer', 'instance'],
  requests: ['id'],
  runs: ['run'],
  alarms: ['credential', 'key'],
  mates: ['credential', 'mate'],
  ignored_keys: ['target', 'ref_key'],
  incidents: ['id'],
  incident_versions: ['incident', 'version'],
} as const satisfies Partial<Record<keyof Tables, readonly string[]>>;

/** Every projection with a `credential` column that a rename must follow; the events keep the name they were written under. */
export const namedTables = [
  'names',
  'versions',
  'epochs',
  'demands',
  'instances',
  'evidence',
  'waivers',
  'requests',
  'runs',
  'alarms',
  'mates',
  'incident_versions',
] as const satisfies readonly (keyof typeof projections)[];
