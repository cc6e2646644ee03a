import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startScript } from '../servers/child-process.ts';
import { poll } from '../servers/poll.ts';
import type { Program } from '../servers/program.ts';
import { shop } from './files.ts';
import { currentOf, letsIn, loginOf } from './play.ts';
import type { Play } from './play.ts';
import type { Catch, Loot } from './thief.ts';

/** How long the thief keeps trying after the login is dead, in milliseconds. */
const stubborn = 30_000;

export interface Leaked {
  readonly secondsToContained: number | undefined;
  readonly secondsToProvedDead: number | undefined;
  readonly secondsToConfirmed: number | undefined;
  readonly attackerQueriesAfterDeclared: number;
  readonly attackerQueriesAfterDead: number;
  /** Queries of the applications that got no answer while the login was dead and the next one on its way. */
  readonly queriesFailedMeanwhile: number;
}

/** A login is stolen and in use: one command kills it, whoever holds it; the applications move to its replacement. */
export async function leak(play: Play): Promise<Leaked> {
  const { stage, promises, shown, web, orders, reports } = play;
  const failedBefore = play.counts().failedQueries;
  const stolen = await loginOf(play, currentOf(play, shop));
  const thief = await startThief(play, stolen);
  await poll(() => thief.answered().length >= 20, { what: 'the thief at work' });
  shown.line('a thief has the login of the shop: he keeps a session open, and connects anew five times a second');

  shown.line(`typed: keybaton emergency ${shop} --reason "seen in a public repository"`);
  // The shape of what the commands print, as far as the demo looks at it.
  const declared = (await stage.keybaton.run(
    'emergency',
    shop,
    '--reason',
    'seen in a public repository',
    '--no-wait',
  )) as { readonly incident: string };
  const standing = async (): Promise<Clock> =>
    (await stage.keybaton.run('incident', 'show', declared.incident)) as Clock;
  const reached = (moment: string) =>
    poll(
      async () => {
        const clock = await standing();
        return momentOf(clock, moment) === undefined ? undefined : clock;
      },
      { what: `the moment "${moment}" of the incident`, within: 120_000, every: 1_000 },
    );
  const dead = await reached('dead');
  const since = (moment: string, clock: Clock): number | undefined => {
    const at = momentOf(clock, moment);
    return at === undefined ? undefined : Math.round(at - clock.declaredAt) / 1_000;
  };
  shown.line(`contained after ${since('contained', dead)} s, proved dead after ${since('dead', dead)} s`);
  const confirmed = await reached('confirmed');
  shown.line(`web, orders and reports have proved the replacement after ${since('confirmed', confirmed)} s`);
  const failed = play.counts().failedQueries - failedBefore;

  const deadAt = momentOf(dead, 'dead') ?? 0;
  shown.line(`the thief keeps trying, until ${stubborn / 1_000} s after the login was proved dead`);
  await wait(Math.max(0, deadAt + stubborn - Date.now()));
  const afterDeclared = thief.answered().filter((at) => at > dead.declaredAt).length;
  const afterDead = thief.answered().filter((at) => at > deadAt).length;
  const caught = thief.said();
  await thief.stop();

  promises.check(
    `the thief got ${afterDeclared} answers after the declaration, ${afterDead} after the login was proved dead; refused ${caught.refused} times since`,
    afterDead === 0 && caught.refused > 0,
  );
  promises.check('his open session was ended', caught.thrownOut);
  promises.check('the stolen login is refused to a raw client', !(await letsIn(play, stolen)));
  const failures = play.counts().failedQueries;
  for (const consumer of [web, orders, reports]) await consumer.queriesMore(20);
  promises.check(
    `the applications work with the replacement; ${failed} of their queries had failed meanwhile`,
    play.counts().failedQueries === failures,
  );
  return {
    secondsToContained: since('contained', dead),
    secondsToProvedDead: since('dead', dead),
    secondsToConfirmed: since('confirmed', confirmed),
    attackerQueriesAfterDeclared: afterDeclared,
    attackerQueriesAfterDead: afterDead,
    queriesFailedMeanwhile: failed,
  };
}

interface Clock {
  readonly declaredAt: number;
  readonly clock: readonly { readonly moment: string; readonly reachedAt: number | null }[];
}

const momentOf = ({ clock }: Clock, moment: string): number | undefined =>
  clock.find((line) => line.moment === moment)?.reachedAt ?? undefined;

interface Thief {
  /** Moments at which it got an answer. */
  answered(): readonly number[];
  said(): Catch;
  stop(): Promise<unknown>;
}

async function startThief({ stage }: Play, login: { username: string; password: string }): Promise<Thief> {
  const program: Program = await startScript({
    file: new URL('thief.ts', import.meta.url),
    logFile: join(stage.logs, 'thief.log'),
  });
  const loot: Loot = { port: stage.database.port, database: stage.database.name, ...login };
  program.stdin.write(`${JSON.stringify(loot)}\n`);
  const lines = (): readonly Catch[] =>
    program
      .output()
      .split('\n')
      .slice(0, -1)
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Catch);
  return {
    answered: () => lines().flatMap(({ at }) => at),
    said: () => lines().at(-1) ?? { answered: 0, lastAt: 0, at: [], refused: 0, thrownOut: false },
    stop: () => program.stop(),
  };
}
