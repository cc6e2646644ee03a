import type { Entry } from '../../domain/entry.ts';
import type { Targets } from '../targets.ts';
import { anothersEntry, at, listed, tellable } from './world.ts';
import type { Rule } from './world.ts';

/** Two names for one store are one store: the kind with its settings tells, not the name. */
export function storeOf(backend: string, targets: Targets): string {
  const place = targets.backends[backend];
  return place === undefined ? backend : `${place.kind} ${canonical(place.settings)}`;
}

export function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined';
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const pairs = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${pairs.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`;
}

/** Two entries that render to one backend location would overwrite each other's secret. */
export const ownLocation: Rule = (world) => {
  const { entries, others, targets } = world;
  const taken = new Map<string, Entry>();
  const locationOf = (use: Entry['backends'][number]): string => `${storeOf(use.backend, targets)} ${use.path}`;
  for (const other of others) for (const use of other.backends) taken.set(locationOf(use), other);
  return entries.flatMap((entry) =>
    entry.backends.flatMap((use, index) => {
      const holder = taken.get(locationOf(use));
      taken.set(locationOf(use), holder ?? entry);
      if (holder === undefined || holder.id === entry.movedFrom) return [];
      const text =
        holder.id === entry.id
          ? 'this entry names the same backend location twice'
          : tellable(world, holder)
            ? `renders to the same backend location as ${holder.id}: give one of them another path`
            : `renders to the same backend location as ${anothersEntry}: give this one another path`;
      return [at(entry, ['backends', index], text)];
    }),
  );
};

export const allowedPath: Rule = ({ entries, targets }) =>
  entries.flatMap((entry) => {
    const allowed = targets.targets[entry.target]?.paths;
    if (allowed === undefined) return [];
    return entry.backends.flatMap((use, index) => {
      if (use.path === '' || allowed.some((prefix) => use.path.startsWith(`${prefix}/`))) return [];
      return [
        at(
          entry,
          ['backends', index],
          `its target allows only paths below ${listed(allowed.map((prefix) => `${prefix}/`))}`,
        ),
      ];
    });
  });

/** `{provider}`, `{environment}` and `{application}` are all a default path may use, and one that loses any part can clash. */
export const fullTemplate: Rule = ({ targets }) =>
  Object.entries(targets.backends).flatMap(([name, { path }]) => {
    const unknown = [...path.matchAll(/\{([^}]*)\}/g)]
      .map((match) => match[1] ?? '')
      .filter((part) => !['provider', 'environment', 'application'].includes(part));
    return unknown.map((part) => ({
      file: 'targets' as const,
      path: ['backends', name, 'path'],
      text: `{${part.slice(0, 40)}} is not known here: expected {provider}, {environment} and {application}`,
    }));
  });

export const fittingFields: Rule = (world) =>
  world.entries.flatMap((entry) => {
    const target = world.targets.targets[entry.target];
    const traits = target && world.adapters.traits?.(target.provider, target.settings);
    if (traits === undefined) return [];
    return entry.backends.flatMap(({ fields }, index) => {
      try {
        world.adapters.checkFields?.(fields, traits.material.fields);
        return [];
      } catch (thrown) {
        // The check throws one sentence about names and templates, none of which is a secret.
        return [
          at(
            entry,
            ['backends', index, 'fields'],
            thrown instanceof Error ? thrown.message : 'does not fit the material',
          ),
        ];
      }
    });
  });
