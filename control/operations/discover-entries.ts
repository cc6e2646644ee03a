import { formatDuration } from '../../domain/duration.ts';
import type { Targets } from '../../inventory/targets.ts';
import type { Adapters } from '../../inventory/adapters.ts';
import { placeholderSettings } from '../../inventory/placeholders.ts';
import type { Seen, SeenKey, SeenReader } from '../discovery.ts';
import { freeName, slug } from './discover-places.ts';

/** One part of a draft: what is written, and what a person should know of it. */
export interface Drafted {
  /** Where it comes from. */
  readonly from: string;
  readonly written: Readonly<Record<string, unknown>>;
  readonly notes: readonly string[];
}

export interface DraftedEntries {
  readonly credentials: Readonly<Record<string, Drafted>>;
  readonly targets: Readonly<Record<string, Drafted>>;
  /** Keys of which no entry could be made, and why. */
  readonly left: readonly string[];
}

export interface DraftChoices {
  readonly adapters: Adapters;
  readonly targets: Targets;
  /** Backends whose readings can be evidence. */
  readonly observed: ReadonlySet<string>;
  readonly team: string;
  /** Where neither a target nor a path tells. */
  readonly environment: string;
}

const environments: Readonly<Record<string, string>> = {
  ...{ prod: 'prod', production: 'prod', live: 'prod', staging: 'staging', stage: 'staging', stg: 'staging' },
  ...{ dev: 'dev', development: 'dev', test: 'test', testing: 'test', qa: 'qa', sandbox: 'sandbox' },
};
const dull = new Set([
  'ai',
  'providers',
  'provider',
  'keys',
  'key',
  'secret',
  'secrets',
  'api',
  'token',
  'apikey',
  'api-key',
]);

/** One credential for every value that was found: the same value at several paths is one key in several places. */
export function draftEntries(seen: Seen, choices: DraftChoices): DraftedEntries {
  const credentials: Record<string, Drafted> = {};
  const targets: Record<string, Drafted> = {};
  const left: string[] = [];
  const taken = new Set<string>();

  for (const keys of Map.groupBy(seen.keys, ({ value }) => value).values()) {
    const [first] = keys;
    if (first === undefined) continue;
    const usable = keys.filter((key) => {
      const why = whyNot(key, taken);
      if (why !== undefined) left.push(`${placeOf(key)}: ${why}`);
      return why === undefined;
    });
    const known = first.refs.find(({ target }) => Object.hasOwn(choices.targets.targets, target));
    const target = known && choices.targets.targets[known.target];
    const provider = target?.provider ?? (first.providers.length === 1 ? first.providers[0] : undefined);
    if (provider === undefined) {
      left.push(`${placeOf(first)}: it may be a key of ${first.providers.join(' or of ')}: name the provider yourself`);
      continue;
    }
    if (usable.length === 0) continue;
    const environment = target?.environment ?? environmentOf(usable, choices.environment);
    const application = applicationOf(usable, provider);
    const id = freeName(`${slug(provider)}/${environment}/${application}`, credentials);
    const named = known?.target ?? targetFor(id, provider, environment, choices, targets);
    if (named === undefined) {
      left.push(`${placeOf(first)}: a target of ${provider} cannot be drafted: write it by its page, and its entry`);
      continue;
    }
    if (known === undefined) widen(targets, named, usable);
    for (const { backend, path } of usable) taken.add(`${backend} ${path}`);
    const value = choices.adapters.traits?.(provider, target?.settings ?? targets[named]?.written['settings'])?.material
      .value;
    credentials[id] = {
      from: placeOf(first),
      written: {
        target: named,
        team: target?.teams[0] ?? choices.team,
        mode: 'observe',
        backends: backendsOf(usable, value ?? 'api_key'),
        consumers: consumersOf(usable, choices.observed),
      },
      notes: notesOf(keys, seen),
    };
  }
  return { credentials, targets, left };
}

const placeOf = ({ backend, path, field }: SeenKey): string => `backend ${backend}, ${path}, field ${field}`;

/** An inventory cannot say it; a person can change the vault, or leave it. */
function whyNot({ backend, path, plain }: SeenKey, taken: ReadonlySet<string>): string | undefined {
  if (plain) return 'the secret is one text without names of fields: write it as a JSON object first';
  if (!path.includes('/')) return 'it lies in no folder, and targets allow paths by folder: move it into one';
  if (taken.has(`${backend} ${path}`))
    return 'another key lies in the same entry, and keybaton keeps one there: move it';
  return undefined;
}

function environmentOf(keys: readonly SeenKey[], otherwise: string): string {
  for (const { path, backend } of keys)
    for (const word of `${path}/${backend}`.toLowerCase().split(/[^a-z0-9]+/)) {
      const found = Object.hasOwn(environments, word) ? environments[word] : undefined;
      if (found !== undefined) return found;
    }
  return otherwise;
}

/** The last part of the path that says more than where keys lie. */
function applicationOf([key]: readonly SeenKey[], provider: string): string {
  const parts = (key?.path ?? '').split('/').map(slug);
  const telling = parts.filter(
    (part) => !dull.has(part) && !Object.hasOwn(environments, part) && part !== slug(provider),
  );
  return telling.at(-1) ?? parts.at(-1) ?? 'unnamed';
}

/** A target of its own where it belongs to one credential, else one for each provider and environment. */
function targetFor(
  id: string,
  provider: string,
  environment: string,
  { adapters, targets, team }: DraftChoices,
  drafted: Record<string, Drafted>,
): string | undefined {
  const schema = Object.hasOwn(adapters.targetSchemas, provider) ? adapters.targetSchemas[provider] : undefined;
  const made = schema && placeholderSettings(schema);
  const traits = made && adapters.traits?.(provider, made.settings);
  if (made === undefined || traits === undefined) return undefined;
  const shared = traits.tagged && !['dual-slot', 'single-slot'].includes(traits.topology);
  const wanted = shared ? `${slug(provider)}-${environment}` : slug(id);
  const others = freeName(wanted, targets.targets);
  if (shared && Object.hasOwn(drafted, others)) return others;
  const name = freeName(wanted, { ...targets.targets, ...drafted });
  const admin = `env:${provider.toUpperCase().replace(/[^A-Z0-9]+/g, '_')}_ADMIN_KEY`;
  drafted[name] = {
    from: id,
    written: { provider, environment, settings: made.settings, admin, teams: [team], paths: [] },
    notes: [
      `admin: where its admin credential is read from; see docs/providers/${provider}.md`,
      ...(made.filled.length > 0 ? [`fill in under settings: ${made.filled.join(', ')}`] : []),
    ],
  };
  return name;
}

/** The first folder of each path is allowed. */
function widen(targets: Record<string, Drafted>, name: string, keys: readonly SeenKey[]): void {
  const target = targets[name];
  if (target === undefined) return;
  const folders = keys.map(({ path }) => `${path.split('/')[0] ?? ''}/`);
  // Ours, from `targetFor`.
  const paths = [...new Set([...(target.written['paths'] as readonly string[]), ...folders])].sort();
  targets[name] = { ...target, written: { ...target.written, paths } };
}

function backendsOf(keys: readonly SeenKey[], value: string): readonly unknown[] {
  return [...Map.groupBy(keys, ({ backend, path }) => `${backend} ${path}`).values()].flatMap((same) => {
    const [first] = same;
    const fields = Object.fromEntries(same.map(({ field }) => [field, `{${value}}`]));
    return first === undefined ? [] : [{ backend: first.backend, path: first.path, fields }];
  });
}

const nameable =
  /^(role:[A-Za-z0-9_.-]{1,256}|service-account:[a-z0-9.-]{1,253}\/[a-z0-9.-]{1,253}|entity:[A-Za-z0-9-]{1,128})$/;
const [quarter, week] = [15 * 60_000, 7 * 86_400_000];

function consumersOf(keys: readonly SeenKey[], observed: ReadonlySet<string>): readonly unknown[] {
  const consumers: Record<string, unknown> = {};
  const readers = keys.flatMap(({ backend, readers: all }) => all.map((one) => ({ ...one, backend })));
  for (const [reader, same] of Map.groupBy(readers, (one) => one.reader)) {
    if (reader === undefined || !nameable.test(reader)) continue;
    const name = freeName(slug(reader.replace(/^[a-z-]+:/, '')), consumers);
    const every = Math.max(...same.map((one) => one.every ?? 0));
    const demand = same.some(({ backend }) => observed.has(backend)) ? 'observed-read' : 'acknowledged';
    consumers[name] = {
      ...{ name, reader, demand },
      ...(every > 0 && { deadline: minutes(Math.min(Math.max(3 * every, quarter), week)) }),
    };
  }
  return Object.values(consumers);
}

const minutes = (milliseconds: number): string => `${Math.ceil(milliseconds / 60_000)}m`;

function notesOf(keys: readonly SeenKey[], seen: Seen): readonly string[] {
  const ago = (at: number): string =>
    `${new Date(at).toISOString().slice(0, 10)}, ${formatDuration(Math.max(0, seen.at - at))} ago`;
  const refs = [
    ...new Map(keys.flatMap(({ refs: all }) => all).map((ref) => [`${ref.target} ${ref.id}`, ref])).values(),
  ];
  return [
    ...keys.map(
      (key) =>
        `${placeOf(key)}${key.writtenAt === undefined ? '' : `: written ${ago(key.writtenAt)}`}${key.beside.length === 0 ? '' : `; beside it ${key.beside.join(', ')}`}`,
    ),
    ...(keys.length > 1
      ? [`one value in ${keys.length} places: who reads one of them shares the key with the others`]
      : []),
    ...refs.map(
      ({ target, id, createdAt }) =>
        `live at target ${target} as ${id}${createdAt === undefined ? '' : `: made ${ago(createdAt)}`}`,
    ),
    ...(refs.length > 1 ? ['several keys show themselves so: only one of them is this'] : []),
    ...keys.flatMap((key) => key.readers.map((one) => `read by ${readerText(one)}, last ${ago(one.lastAt)}`)),
  ];
}

function readerText({ reader, who, reads, every, addresses }: SeenReader): string {
  const name = reader ?? `${who} (a bare token, which no inventory can name)`;
  const how = every === undefined ? '' : ` every ${formatDuration(every)}`;
  return `${name}${how}: ${reads} ${reads === 1 ? 'time' : 'times'} from ${addresses} ${addresses === 1 ? 'address' : 'addresses'}`;
}
