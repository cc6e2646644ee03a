import { setTimeout as wait } from 'node:timers/promises';
import { careful } from './files.ts';
import { liveKeys } from './providers.ts';
import type { People } from './people.ts';
import type { Stage } from './stage.ts';
import type { LiveSeen } from './verdict.ts';

export interface AtRest {
  readonly restless: readonly string[];
  readonly live: readonly LiveSeen[];
  readonly strays: readonly string[];
}

/** Waits until nothing moves any more, twice in a row, or until the time given is over; then says what lives. */
export async function comeToRest(
  stage: Stage,
  given: { readonly people: People; readonly credentials: readonly string[]; readonly within: number },
): Promise<AtRest> {
  const until = performance.now() + given.within;
  let found = await look(stage, given);
  for (let quiet = 0; quiet < 2 && performance.now() < until;) {
    await wait(2_000);
    // It asks for a person at each of its rotations, by its own rules.
    if (stage.record.open().includes(careful))
      await stage.keybaton.run('release', careful, '--ask', '--why', 'looked at').catch(() => undefined);
    found = await look(stage, given);
    quiet = found.restless.length === 0 ? quiet + 1 : 0;
  }
  return found;
}

async function look(
  stage: Stage,
  { people, credentials }: { readonly people: People; readonly credentials: readonly string[] },
): Promise<AtRest> {
  stage.hear();
  const keys = await liveKeys(stage.database, stage.models);
  const known = [...credentials, ...people.removed];
  const live = known.map((credential) => ({
    credential,
    current: stage.record.currentOf(credential),
    live: keys.filter(({ version }) => stage.record.credentialOf(version) === credential).map(({ version }) => version),
    removed: people.removed.has(credential),
  }));
  const restless = [
    ...stage.record.open().map((credential) => `${credential} rotates`),
    ...stage.record
      .incidents()
      .filter(({ closedAt }) => closedAt === undefined)
      .map(({ incident }) => `${incident} is open`),
    ...live
      .filter((one) => one.live.length !== (one.removed ? 0 : 1))
      .map((one) => `${one.credential} has ${one.live.length} live keys`),
  ];
  const strays = keys
    .filter(({ version }) => !known.includes(stage.record.credentialOf(version) ?? ''))
    .map(({ place, version }) => `${place} (${version})`);
  return { restless, live, strays };
}
