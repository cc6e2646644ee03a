import { afterAll, afterEach, beforeAll } from 'vitest';
import { openAiSettings, type OpenAiSettings } from '../../providers/openai/settings.ts';
import type { Target } from '../../providers/provider.ts';
import type { OpenAiSettings as FakeSettings } from '../fakes/openai/state.ts';
import { freePort, startPrism } from '../fakes/prism.ts';
import { bearer, rawClient, type RawAnswer } from '../fakes/raw-client.ts';
import { type RunningFake, startFake } from '../fakes/start.ts';
import { silentServer, targetOf } from './provider-target.ts';

export interface OpenAiWorld {
  readonly fake: RunningFake<FakeSettings>;
  /** The official description, in front of the fake: where targets point. */
  readonly policed: string;
  readonly silent: string;
  readonly nowhere: string;
}

/** The fake behind the official description, for every test of a file. Faults and settings end with each test. */
export function openAiWorld(): () => OpenAiWorld {
  let world: OpenAiWorld | undefined;
  const stops: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    const fake = await startFake<FakeSettings>('openai');
    stops.push(() => fake.stop());
    const silent = await silentServer();
    stops.push(() => silent.stop());
    const prism = await startPrism('openai-admin-keys.yaml', fake.url);
    stops.push(() => prism.stop());
    world = { fake, policed: prism.url, silent: silent.url, nowhere: `http://127.0.0.1:${await freePort()}` };
  });
  afterEach(() => world?.fake.reset());
  afterAll(() => Promise.all(stops.map((stop) => stop())));
  return () => {
    if (world === undefined) throw new Error('the world is there only while tests run');
    return world;
  };
}

let projects = 0;

/** A project of its own, with nothing to wait for. */
export const openAiSettingsOf = (more: Partial<OpenAiSettings> = {}): OpenAiSettings =>
  openAiSettings.parse({
    project: `proj_${(projects += 1)}`,
    ...{ createSpread: 0, revokeSpread: 0, lateCreate: 0, usageLag: 0, callTimeout: 8_000 },
    ...more,
  });

export type OpenAiTarget = Target<OpenAiSettings>;

export const openAiTarget = (world: OpenAiWorld, more: Partial<OpenAiSettings> = {}): OpenAiTarget =>
  targetOf(openAiSettingsOf({ baseUrl: world.policed, ...more }), world.fake.adminKey);

export const at = (baseUrl: string, target: OpenAiTarget): OpenAiTarget => ({
  ...target,
  settings: { ...target.settings, baseUrl },
});

/** What a consumer's call with this value gets, past every proxy. */
export const models = async (world: OpenAiWorld, value: string): Promise<number> =>
  (await rawClient(world.fake.url, bearer(value))('GET', '/models')).status;

/** What a person with the admin key does. */
export const byHand = (world: OpenAiWorld, method: string, path: string, body?: unknown): Promise<RawAnswer> =>
  rawClient(world.fake.url, bearer(world.fake.adminKey))(method, path, body);
