import type { Entry, EntryBackend, EntryConsumer } from '../domain/entry.ts';
import { credentialParts } from '../domain/identifiers.ts';
import type { CredentialId } from '../domain/identifiers.ts';
import { workloadPlace } from './clusters.ts';
import type { WrittenEntry } from './entries.ts';
import type { BackendPlace, Targets } from './targets.ts';
import { defaultBound, defaultEvery, tierDefaults } from './tiers.ts';
import type { TierDefaults } from './tiers.ts';

/** A written entry with every default filled in. Pure; whether its names exist is asked by the rules. */
export function fillIn(id: CredentialId, written: WrittenEntry, targets: Targets): Entry {
  const defaults = tierDefaults[written.tier];
  const policy = written.emergency?.policy ?? 'revoke-first';
  return {
    id,
    target: written.target,
    team: written.team,
    contact: written.contact,
    groups: written.groups,
    tier: written.tier,
    mode: written.mode ?? defaults.mode,
    schedule: {
      every: written.schedule?.every ?? defaultEvery,
      jitter: written.schedule?.jitter ?? 0,
      windows: (written.schedule?.window ?? []).flat(),
      ...(written.schedule?.freeze === undefined ? {} : { freezes: [written.schedule.freeze].flat() }),
    },
    backends: (written.backends ?? Object.keys(targets.backends).slice(0, 1)).map((use) => placeOf(id, use, targets)),
    consumers: Array.isArray(written.consumers)
      ? written.consumers.map((one) => consumerOf(one, defaults))
      : written.consumers,
    silence:
      typeof written.silence === 'number' ? { for: written.silence } : (written.silence ?? { for: defaults.silence }),
    soak: written.soak ?? defaults.soak,
    emergency: { policy, bound: written.emergency?.bound ?? defaultBound },
    standby: written.standby ?? policy === 'standby',
    dependents: written.dependents,
    apartFrom: written.apartFrom,
    movedFrom: written.movedFrom,
  };
}

type WrittenBackend = NonNullable<WrittenEntry['backends']>[number];
type WrittenConsumer = Extract<WrittenEntry['consumers'], readonly unknown[]>[number];

function placeOf(id: CredentialId, use: WrittenBackend, targets: Targets): EntryBackend {
  const { backend, path = undefined, fields = undefined } = typeof use === 'string' ? { backend: use } : use;
  return { backend, path: path ?? renderPath(id, targets.backends[backend]), fields };
}

/** The backend's template with the parts of the id; an unknown backend is reported by the rules. */
function renderPath(id: CredentialId, backend: BackendPlace | undefined): string {
  const parts = credentialParts(id);
  return (backend?.path ?? '')
    .replaceAll('{provider}', parts.provider)
    .replaceAll('{environment}', parts.environment)
    .replaceAll('{application}', parts.application);
}

function consumerOf(written: WrittenConsumer, defaults: TierDefaults): EntryConsumer {
  return {
    name: written.name,
    kind: written.kind,
    demand: written.demand ?? defaults.demand,
    deadline: written.deadline ?? defaults.deadline,
    without: written.without,
    probe: written.probe,
    ...(written.reader !== undefined && { reader: written.reader }),
    ...(written.kubernetes !== undefined && { kubernetes: workloadPlace(written.kubernetes) }),
  };
}
