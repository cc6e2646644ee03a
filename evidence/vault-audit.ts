import { z } from 'zod';
import { isVersionId } from '../domain/identifiers.ts';
import type { VersionId } from '../domain/identifiers.ts';
import { collectReads, type TrailAnswer, type TrailVersion } from './access-trail.ts';
import { parsedLine, readTrail, valuesOf, type TrailQuery } from './trail-files.ts';

/**
 * Readings of a KV v2 engine, from the file of Vault's or OpenBao's audit device: one JSON object a line, a `request` and a
 * `response` for every call (https://openbao.org/docs/audit/, https://developer.hashicorp.com/vault/docs/audit/schema). Texts in
 * it are hashed under a key we do not have, `keybaton_version` among them; numbers and `created_time` are not. So which
 * version was read is told by when what was read had been written. OpenBao leaves out `namespace.path` for the root, and
 * writes an AppRole's name into `auth.metadata`, as Vault does; a token without an entity has only its display name.
 */
export interface VaultTrail {
  readonly mount: string;
  readonly stagingPrefix: string;
  readonly namespace: string | undefined;
}

/** The store's clock may be behind ours by this much, milliseconds. */
const skew = 2_000;

const auth = z.object({
  display_name: z.string().optional(),
  entity_id: z.string().optional(),
  metadata: z
    .object({
      role_name: z.string().optional(),
      role: z.string().optional(),
      service_account_name: z.string().optional(),
      service_account_namespace: z.string().optional(),
    })
    .nullish(),
});
/** A `response` line, as far as a reading needs it. */
export const vaultRecord = z.object({
  time: z.iso.datetime({ offset: true }),
  type: z.literal('response'),
  error: z.string().optional(),
  auth: auth.optional(),
  request: z.object({
    operation: z.string(),
    path: z.string(),
    remote_address: z.string().optional(),
    namespace: z.object({ path: z.string().optional() }).nullish(),
  }),
  response: z
    .object({
      data: z
        .object({
          data: z.record(z.string(), z.unknown()).nullish(),
          metadata: z.object({ created_time: z.string() }).nullish(),
        })
        .nullish(),
    })
    .nullish(),
});
export type VaultRecord = z.output<typeof vaultRecord>;
type Entry = VaultRecord;

export async function readVaultAudit(
  trail: VaultTrail,
  versions: readonly TrailVersion[],
  query: TrailQuery,
): Promise<TrailAnswer> {
  const reads = collectReads(versions);
  const main = new Map<string, TrailVersion[]>();
  const staged = new Map<string, VersionId>();
  for (const one of versions) {
    for (const path of one.paths) {
      const at = `${trail.mount}/data/${path}`;
      main.set(at, [...(main.get(at) ?? []), one]);
      staged.set(`${trail.mount}/data/${trail.stagingPrefix}/${path}/${one.version}`, one.version);
    }
  }
  const writers = new Set<string>();

  function note(entry: Entry): void {
    const { path, operation } = entry.request;
    if (entry.error !== undefined || !ofNamespace(entry, trail.namespace)) return;
    const identity = identityOf(entry);
    if (operation === 'create' || operation === 'update') {
      if (identity !== undefined) writers.add(identity);
      return;
    }
    const data = entry.response?.data;
    // A read that found nothing told nothing.
    if (operation !== 'read' || data?.data === undefined || data.data === null) return;
    const seen = { at: Date.parse(entry.time), who: whoOf(entry), from: entry.request.remote_address };
    const tell = (version: VersionId): void => {
      if (identity !== undefined && writers.has(identity)) reads.noteOwn(version);
      else reads.note(version, seen);
    };
    const stagedVersion = staged.get(path);
    if (stagedVersion !== undefined) return tell(stagedVersion);
    const here = main.get(path) ?? [];
    const read = versionRead(data.data['keybaton_version'], data.metadata?.created_time, here[0]?.epochs ?? []);
    for (const { version } of here) {
      if (read === version) tell(version);
      else if (read === undefined) reads.noteUntold(version);
    }
  }

  const read = await readTrail(
    query,
    (line) => timeOf(parsedLine(line)),
    (line) => {
      if (!oursIn(line, main, staged)) return true;
      const { data, error } = vaultRecord.safeParse(parsedLine(line));
      if (data !== undefined) note(data);
      // The request beside each response says nothing more; anything else of our path that cannot be read may have been a reading.
      return data !== undefined || error.issues.some(({ path: at }) => at[0] === 'type');
    },
  );
  return { ...read, reads: reads.all() };
}

/** Is this line about one of these paths? */
export function oursIn(line: Buffer, ...known: readonly { has(path: string): boolean }[]): boolean {
  for (const path of valuesOf(line, 'path')) if (known.some((of) => of.has(path))) return true;
  return false;
}

const timeOf = (entry: unknown): number | undefined => {
  const time = z.object({ time: z.string() }).safeParse(entry).data?.time;
  return time === undefined || Number.isNaN(Date.parse(time)) ? undefined : Date.parse(time);
};

/** The mark where the engine is tuned to show it; else the epoch in which what was read had been written. */
function versionRead(
  mark: unknown,
  writtenAt: string | undefined,
  epochs: TrailVersion['epochs'],
): VersionId | undefined {
  if (typeof mark === 'string' && isVersionId(mark)) return mark;
  const at = Date.parse(writtenAt ?? '');
  if (Number.isNaN(at)) return undefined;
  return epochs.findLast(({ from }) => from <= at + skew)?.version;
}

export function ofNamespace({ request }: Entry, namespace: string | undefined): boolean {
  return (request.namespace?.path ?? '').replace(/\/$/, '') === (namespace ?? '');
}

/** What tells one identity from all others; a bare token's display name does not. */
function identityOf({ auth: by }: Entry): string | undefined {
  const entity = by?.entity_id;
  return entity === undefined || entity === '' ? undefined : entity;
}

export function whoOf({ auth: by }: Entry): string {
  const role = by?.metadata?.role_name;
  const parts = [
    by?.display_name ?? 'unknown',
    ...(role === undefined ? [] : [`role ${role}`]),
    ...(by?.entity_id ? [`entity ${by.entity_id}`] : []),
  ];
  return parts.join(', ');
}

/** The names by which an inventory may call who asked: of a role, of a pod's service account, of an entity. A bare token has none. */
export function readersOf({ auth: by }: VaultRecord): readonly string[] {
  const { role_name, role, service_account_name, service_account_namespace } = by?.metadata ?? {};
  return [
    ...new Set(
      [role_name, role].filter((name) => name !== undefined && name !== '').map((name) => `role:${String(name)}`),
    ),
    ...(service_account_name && service_account_namespace
      ? [`service-account:${service_account_namespace}/${service_account_name}`]
      : []),
    ...(by?.entity_id ? [`entity:${by.entity_id}`] : []),
  ];
}
