import { afterAll, afterEach, beforeAll } from 'vitest';
import type { Target } from '../../providers/provider.ts';
import { freePort, startPrism } from '../fakes/prism.ts';
import { type RunningFake, startFake } from '../fakes/start.ts';
import { silentServer } from './provider-target.ts';

export interface VendorWorld<FakeSettings> {
  readonly fake: RunningFake<FakeSettings>;
  /** Where targets point: the official description in front of the fake where there is one, else the fake itself. */
  readonly policed: string;
  readonly silent: string;
  readonly nowhere: string;
}

/** One fake for every test of a file. Faults and settings end with each test. */
export function vendorWorld<FakeSettings>(
  vendor: Parameters<typeof startFake>[0],
  spec?: Parameters<typeof startPrism>[0],
): () => VendorWorld<FakeSettings> {
  let world: VendorWorld<FakeSettings> | undefined;
  const stops: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    const fake = await startFake<FakeSettings>(vendor);
    stops.push(() => fake.stop());
    const silent = await silentServer();
    stops.push(() => silent.stop());
    const prism = spec === undefined ? undefined : await startPrism(spec, fake.url);
    if (prism !== undefined) stops.push(() => prism.stop());
    const nowhere = `http://127.0.0.1:${await freePort()}`;
    world = { fake, policed: prism?.url ?? fake.url, silent: silent.url, nowhere };
  });
  afterEach(() => world?.fake.reset());
  afterAll(() => Promise.all(stops.map((stop) => stop())));
  return () => {
    if (world === undefined) throw new Error('the world is there only while tests run');
    return world;
  };
}

/** The target with some of its settings changed. */
export const changed = <Settings>(target: Target<Settings>, settings: Partial<Settings>): Target<Settings> => ({
  ...target,
  settings: { ...target.settings, ...settings },
});

/** Everything that thrown errors say, causes among it: what a search for values looks through. */
export async function toldBy(calls: readonly Promise<unknown>[]): Promise<{ text: string; allThrew: boolean }> {
  const ended = await Promise.allSettled(calls);
  const told = ended.map((one) =>
    one.status === 'rejected' ? [String(one.reason), one.reason.stack, String(one.reason.cause)] : one.value,
  );
  return { text: JSON.stringify(told), allThrew: ended.every((one) => one.status === 'rejected') };
}
