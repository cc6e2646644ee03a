import { credentialParts } from '../../domain/identifiers.ts';
import { at, consumersOf, listed } from './world.ts';
import type { Rule } from './world.ts';

/** Every name an entry uses exists, and the entry may use it. */
export const knownTarget: Rule = ({ entries, targetNames }) =>
  entries
    .filter((entry) => !targetNames.has(entry.target))
    .map((entry) => at(entry, ['target'], `no such target in targets.yml: expected one of ${listed(targetNames)}`));

export const knownBackend: Rule = ({ entries, backendNames, written }) =>
  entries.flatMap((entry) => {
    if (written.get(entry.id)?.backends === undefined && backendNames.size !== 1) {
      return [
        at(
          entry,
          ['backends'],
          `expected a list of backends, since targets.yml names ${backendNames.size}: ${listed(backendNames)}`,
        ),
      ];
    }
    return entry.backends.flatMap(({ backend }, index) =>
      backendNames.has(backend)
        ? []
        : [at(entry, ['backends', index], `no such backend in targets.yml: expected one of ${listed(backendNames)}`)],
    );
  });

export const listedTeam: Rule = ({ entries, teams }) =>
  entries
    .filter((entry) => !teams.includes(entry.team))
    .map((entry) =>
      at(entry, ['team'], `not one of the teams at the top of this file: expected one of ${listed(teams)}`),
    );

export const allowedTeam: Rule = ({ entries, targets, teams }) =>
  entries.flatMap((entry) => {
    const allowed = targets.targets[entry.target]?.teams;
    if (allowed === undefined || allowed.includes(entry.team) || !teams.includes(entry.team)) return [];
    return [at(entry, ['target'], `this target does not allow the team of this entry: it allows ${listed(allowed)}`)];
  });

/** One target, one environment: a key of a test must never be able to end in production, nor the other way round. */
export const oneEnvironment: Rule = ({ entries, targets }) =>
  entries.flatMap((entry) => {
    const target = targets.targets[entry.target];
    const { environment } = credentialParts(entry.id);
    if (target === undefined || target.environment === environment) return [];
    const text = `a target belongs to one environment: this one is of ${target.environment}, and the id says ${environment}`;
    return [at(entry, ['target'], text)];
  });

/** `openai/...` on an anthropic target is a slip; `postgres/...` on `postgres-roles` is the same provider said shortly. */
export const sameProvider: Rule = ({ entries, targets }) =>
  entries.flatMap((entry) => {
    const target = targets.targets[entry.target];
    const { provider } = credentialParts(entry.id);
    if (target === undefined || target.provider === provider || target.provider.startsWith(`${provider}-`)) return [];
    return [at(entry, ['target'], `this target is of provider ${target.provider}, and the id says ${provider}`)];
  });

export const backendOfEnvironment: Rule = ({ entries, targets }) =>
  entries.flatMap((entry) =>
    entry.backends.flatMap(({ backend }, index) => {
      const only = targets.backends[backend]?.environment;
      if (only === undefined || only === credentialParts(entry.id).environment) return [];
      return [at(entry, ['backends', index], `this backend is only for environment ${only}`)];
    }),
  );

export const knownProbe: Rule = ({ entries, targets }) =>
  entries.flatMap((entry) => {
    const target = targets.targets[entry.target];
    if (target === undefined) return [];
    const names = Object.keys(target.probes);
    return consumersOf(entry).flatMap(({ probe, demand }, index) => {
      if (probe === undefined) {
        if (demand !== 'endpoint-reported') return [];
        return [
          at(entry, ['consumers', index, 'demand'], 'endpoint-reported needs a probe: the name of one of its target'),
        ];
      }
      if (names.includes(probe)) return [];
      return [
        at(
          entry,
          ['consumers', index, 'probe'],
          `no such probe at target ${entry.target}: expected one of ${listed(names)}`,
        ),
      ];
    });
  });
