import { setTimeout as wait } from 'node:timers/promises';
import type { ConsumerOrders } from '../demo/consumer.ts';
import { queries } from '../demo/files.ts';
import { poll } from '../servers/poll.ts';
import type { Chance } from '../simulate/chance.ts';
import { calm, careful, jobs, leaky } from './files.ts';
import { fleet } from './fleet.ts';
import { people } from './people.ts';
import { comeToRest } from './rest.ts';
import { takeSamples } from './samples.ts';
import { openStage, type OpenStage, type Stage } from './stage.ts';
import { trendOf } from './trend.ts';
import type { Seen } from './verdict.ts';

export interface Storm extends OpenStage {
  /** Milliseconds for which it blows, without what comes before and after it. */
  readonly lasts: number;
  readonly chance: Chance;
  /** An application that proves what it reads and uses what it once held. */
  readonly keepsFirst: string | undefined;
  /** Milliseconds given to come to rest. */
  readonly restWithin: number;
}

export interface Blown {
  readonly seen: Seen;
  readonly done: Readonly<Record<string, number>>;
  readonly struck: Readonly<Record<'SIGKILL' | 'SIGTERM', number>>;
  readonly events: Readonly<Record<string, number>>;
}

/** What can be told of a storm: everything runs, people and kills at random, and when it is over, how all stands. */
export async function blow(storm: Storm): Promise<Blown> {
  const { chance, say, closing } = storm;
  const stage = await openStage(storm);
  const { record } = stage;
  const credentials = [calm.shop, calm.assistant, ...leaky, careful, ...jobs];
  // Clocks of one machine: the ledger's database runs here.
  const now = (): number => Date.now();
  const employed = fleet({
    logs: stage.logs,
    now,
    ...(storm.keepsFirst === undefined ? {} : { keepsFirst: storm.keepsFirst }),
  });
  closing(() => employed.stop());
  closing(() => employed.leave());
  await putToWork(stage, employed);
  say('every application reads its secret and works without a break');

  const samples = await takeSamples({
    processes: stage.lasting,
    ledgerUrl: stage.ledgerUrl,
    vault: stage.vault,
    ended: () => (stage.hear(), record.ended()),
  });
  const crowd = people(stage, chance.fork('people'));
  const struck = { SIGKILL: 0, SIGTERM: 0 };
  const until = performance.now() + storm.lasts;
  const blows = (): boolean => performance.now() < until;
  const telling = setInterval(
    () =>
      say(
        `${record.ended()} rotations have ended, ${record.open().length} are under way, ${record.incidents().length} incidents`,
      ),
    15_000,
  );
  closing(() => clearInterval(telling));
  await Promise.all([operate(), leak(chance.fork('leaks')), strike(chance.fork('strikes'))]);
  clearInterval(telling);
  say('the storm is over; everybody goes home');
  await crowd.goHome();
  const atRest = await comeToRest(stage, { people: crowd, credentials, within: storm.restWithin });
  const idle = await employed.idle();
  await samples.end();
  const chainWhole = await stage.keybaton.run('audit', 'verify').then(
    () => true,
    () => false,
  );
  stage.hear();
  const trends = (all: typeof samples.memory) =>
    Object.fromEntries(Object.entries(all).map(([name, one]) => [name, trendOf(one)]));
  return {
    seen: {
      rotations: record.rotations(),
      refusals: employed.refusals(),
      queries: employed.queries(),
      incidents: record.incidents(),
      memory: trends(samples.memory),
      handles: trends(samples.handles),
      tables: samples.tables(),
      ...atRest,
      idle,
      chainWhole,
      failedCommands: crowd.failed,
    },
    done: Object.fromEntries(crowd.done),
    struck,
    events: Object.fromEntries(record.counts),
  };

  async function operate(): Promise<void> {
    const pauses = chance.fork('pauses');
    while (blows()) {
      await crowd.act();
      await wait(pauses.between(0, 500));
    }
  }

  async function leak(leaks: Chance): Promise<void> {
    for (let pause = 8_000; ; pause = leaks.between(25_000, 45_000)) {
      await wait(Math.min(pause, Math.max(0, until - performance.now())));
      if (!blows()) return;
      await crowd.leak();
    }
  }

  async function strike(strikes: Chance): Promise<void> {
    while (blows()) {
      await wait(Math.min(strikes.between(5_000, 20_000), Math.max(0, until - performance.now())));
      if (!blows()) return;
      const signal = strikes.pick(['SIGKILL', 'SIGTERM'] as const);
      await stage.strike(signal, strikes.between(0, 3_000));
      struck[signal] += 1;
    }
  }
}

async function putToWork(stage: Stage, employed: ReturnType<typeof fleet>): Promise<void> {
  const { database, models, keybaton, record } = stage;
  const sql = { kind: 'database', port: database.port, database: database.name } as const;
  const calls = { kind: 'models', url: models.url } as const;
  const workers: readonly (readonly [string, string, ConsumerOrders['work']])[] = [
    [calm.shop, 'shop', { ...sql, query: queries.web }],
    [calm.assistant, 'assistant', calls],
    ...leaky.map((id) => {
      const work = id.startsWith('openai') ? calls : ({ ...sql, query: queries.web } as const);
      return [id, id.split('/')[2] ?? '', work] as const;
    }),
  ];
  // The sweeps make the first version of each.
  await poll(() => (stage.hear(), workers.every(([id]) => record.currentOf(id) !== undefined)), {
    what: 'the first version of every credential in use',
    within: 180_000,
    every: 250,
  });
  await Promise.all(
    workers.map(async ([credential, consumer, work]) => {
      // The shape of what the command prints.
      const { token } = (await keybaton.run('token', 'make', credential, consumer)) as { readonly token: string };
      await employed.employ({ credential, consumer, work }, token, stage.apiUrl);
    }),
  );
}
