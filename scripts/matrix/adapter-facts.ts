import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { backendSuite, providerSuite } from '../../conformance/index.ts';
import type { AnyProvider, Traits } from '../../providers/provider.ts';
import { providers, valueRevokers } from '../../providers/registry.ts';
import { yamlExamples } from '../check/page-problems.ts';
import { root } from '../setup/places.mjs';

/** Settings that bound what a key may do or cost, and are set with the key itself. Held to the schemas by a test. */
const boundsAtIssue: Readonly<Record<string, readonly string[]>> = {
  elevenlabs: ['permissions', 'characterLimit', 'allowedIps'],
  mariadb: ['privileges', 'role', 'from'],
  mlflow: ['experiments', 'models'],
  openai: ['scopes'],
  openrouter: ['limit', 'reset'],
  pinecone: ['roles'],
  'pinecone-service-account': ['organizationRoles', 'projectRoles'],
  'postgres-roles': ['group'],
  'qdrant-cloud': ['access'],
  rabbitmq: ['configure', 'write', 'read'],
  redis: ['keys', 'channels', 'commands'],
  supabase: ['jwtTemplate'],
  xai: ['acls', 'requestsPerSecond', 'requestsPerMinute'],
};

/** One registered adapter, in the setting that its page shows first. */
export interface ProviderFacts {
  readonly name: string;
  readonly page: string;
  readonly provider: AnyProvider;
  readonly settings: unknown;
  readonly traits: Traits;
  readonly bounds: readonly string[];
  readonly killsByValue: boolean;
}

export function providerFacts(): readonly ProviderFacts[] {
  return Object.entries(providers).map(([name, create]) => {
    const provider: AnyProvider = create();
    const page = name.startsWith('in-memory') ? 'in-memory.md' : `${name}.md`;
    const settings = provider.settingsSchema.parse(exampleSettings(page, name));
    return {
      ...{ name, page, provider, settings, traits: provider.traits(settings) },
      bounds: boundsAtIssue[name] ?? [],
      killsByValue: valueRevokers.some((revoker) => revoker.name === name),
    };
  });
}

/** Bounds that no schema knows: a setting was renamed, or the adapter is gone. */
export function unknownBounds(facts: readonly ProviderFacts[]): readonly string[] {
  return Object.entries(boundsAtIssue).flatMap(([name, bounds]) => {
    const provider = facts.find((one) => one.name === name)?.provider;
    const { properties = {} } =
      provider === undefined ? {} : z.toJSONSchema(provider.settingsSchema, { io: 'input', unrepresentable: 'any' });
    return bounds.filter((bound) => !Object.hasOwn(properties, bound)).map((bound) => `${name}.${bound}`);
  });
}

/** What `targets.yml` says in the first example of the page; an example without settings has none. */
function exampleSettings(page: string, name: string): unknown {
  const text = readFileSync(join(root, 'docs', 'providers', page), 'utf8');
  // The examples are ours; what does not fit is refused by the schema.
  const targets = yamlExamples(text, 'targets').flatMap((example) =>
    Object.values((parse(example) as { targets: Record<string, { provider: string; settings?: unknown }> }).targets),
  );
  const found = targets.find(({ provider }) => provider === name);
  // One page for one adapter with different powers: the example is of the first.
  if (found === undefined && page !== `${name}.md`) return {};
  if (found === undefined) throw new Error(`docs/providers/${page} shows no target of ${name}`);
  return found.settings ?? {};
}

/** What a test file may leave out, and the tests that the kit then has not. */
const reaches = ['loseAnswer', 'silent', 'use', 'supply', 'eraseMark'] as const;
export type Reach = (typeof reaches)[number];

/** The tests of the kit that fit this adapter, each with what a test file must reach for it. */
export function kitTests({
  provider,
  settings,
}: Pick<ProviderFacts, 'provider' | 'settings'>): ReadonlyMap<string, Reach | undefined> {
  const never = () => Promise.reject(new Error('only the names are asked for'));
  const reach = { loseAnswer: never, silent: never, use: never, supply: never, eraseMark: never };
  const names = (without?: Reach): ReadonlySet<string> => {
    const { [without ?? 'use']: _, ...rest } = reach;
    const options = without === undefined ? reach : rest;
    const suite = providerSuite({
      create: () => provider,
      settings,
      target: never,
      unreachable: (one) => one,
      ...options,
    });
    return new Set(suite.map(({ name }) => name));
  };
  const slots = provider.traits(settings).topology === 'dual-slot';
  const supplied = provider.adopt !== undefined;
  // A mark is erased in slots alone, and only what people make can be supplied.
  const fits = (one: Reach): boolean => (one !== 'eraseMark' || slots) && (one !== 'supply' || supplied);
  const all = [...names()];
  const lost = new Map(reaches.map((one) => [one, names(one)] as const));
  return new Map(
    all.flatMap((name) => {
      const needs = reaches.find((one) => lost.get(one)?.has(name) === false);
      return needs === undefined || fits(needs) ? [[name, needs] as const] : [];
    }),
  );
}

/** Every test that the kit of providers has for one of these, in any setting. */
export function everyKitTest(facts: readonly ProviderFacts[]): ReadonlySet<string> {
  return new Set(facts.flatMap((one) => [...kitTests(one).keys()]));
}

/** The kit of backends is the same for all. */
export const backendKitTests: ReadonlySet<string> = new Set(
  backendSuite({ create: () => Promise.reject(new Error('only the names are asked for')), open: () => ({}) }).map(
    ({ name }) => name,
  ),
);
