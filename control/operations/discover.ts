import { resolve } from 'node:path';
import type { BackendPlace } from '../../inventory/targets.ts';
import type { Discovery, Seen, Unseen } from '../discovery.ts';
import { draftFiles, type Draft } from './discover-draft.ts';
import { draftEntries } from './discover-entries.ts';
import { discoverPlaces, type DiscoverWhere } from './discover-places.ts';

export interface DiscoverInput extends DiscoverWhere {
  readonly auditFile: string | undefined;
  readonly below: string | undefined;
  readonly team: string;
  readonly environment: string;
}

export interface Discovered {
  readonly seen: Seen;
  readonly draft: Draft;
  /** All that was not seen. Empty: the draft is of everything there is. */
  readonly unseen: readonly Unseen[];
}

/** Walks a vault and drafts the two files from what it holds. Only reads. Throws when nothing can be looked at at all. */
export async function discover(discovery: Discovery, input: DiscoverInput): Promise<Discovered> {
  const auditFile = input.auditFile === undefined ? undefined : resolve(input.auditFile);
  const { targets, backends, drafted, unseen } = await discoverPlaces(discovery, input);
  const seen = await discovery.look({
    backends,
    targets: targets.targets,
    auditFile,
    below: input.below,
    signal: input.signal,
  });
  // What a draft says of a backend of its own, it may say of its readings too.
  const written = drafted ? withAuditFile(backends, auditFile) : backends;
  const observed = Object.keys(written).filter((name) => written[name]?.settings['auditFile'] !== undefined);
  const entries = draftEntries(seen, {
    ...{ adapters: discovery.adapters, targets, observed: new Set(observed) },
    ...{ team: input.team, environment: input.environment },
  });
  const draft = draftFiles({
    ...{ entries, team: input.team, targets: input.targets, adapters: discovery.adapters },
    backends: drafted ? written : {},
  });
  return { seen, draft, unseen: [...unseen, ...seen.unseen, ...shortTrail(seen)] };
}

function withAuditFile(
  backends: Readonly<Record<string, BackendPlace>>,
  auditFile: string | undefined,
): Readonly<Record<string, BackendPlace>> {
  if (auditFile === undefined) return backends;
  return Object.fromEntries(
    Object.entries(backends).map(([name, place]) => [
      name,
      place.kind === 'vault-kv' ? { ...place, settings: { ...place.settings, auditFile } } : place,
    ]),
  );
}

function shortTrail({ trail }: Seen): readonly Unseen[] {
  if (trail === undefined || trail.damaged === 0) return [];
  const why = `${trail.damaged} lines of it cannot be read: there may be more readers`;
  return [{ where: 'audit file', code: 'UNAVAILABLE', why }];
}
