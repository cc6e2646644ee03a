import { join } from 'node:path';
import { startConsumer } from './consumers.ts';
import type { Consumer } from './consumers.ts';
import type { ConsumerOrders, Counts } from './consumer.ts';
import { assistant, queries, shop } from './files.ts';
import { versionNames } from './narrate.ts';
import { after, outcomeOf } from './play.ts';
import type { Play } from './play.ts';
import type { Promises } from './promises.ts';
import type { Show } from './show.ts';
import { openStage } from './stage.ts';
import type { OpenStage, Stage } from './stage.ts';

export interface SetUp {
  readonly shown: Show;
  readonly promises: Promises;
  readonly closing: OpenStage['closing'];
  readonly logsAt: OpenStage['logsAt'];
}

/** Starts everything, makes the first version of both credentials, and puts the applications to work. */
export async function setUp({ shown, promises, closing, logsAt }: SetUp): Promise<Play> {
  const names = versionNames();
  const stage = await openStage({
    heard(event) {
      const text = names.narrate(event);
      if (text !== undefined) shown.line(text);
    },
    say: (text) => shown.line(text),
    sayUnsaved: (text) => shown.unsaved(text),
    closing,
    logsAt,
  });
  const database = { kind: 'database', port: stage.database.port, database: stage.database.name } as const;
  const [[web, orders, reports, chat]] = await Promise.all([
    Promise.all([
      employ(stage, shop, 'web', { ...database, query: queries.web }),
      employ(stage, shop, 'orders', { ...database, query: queries.orders }),
      employ(stage, shop, 'reports', { ...database, query: queries.reports }),
      employ(stage, assistant, 'chat', { kind: 'models', url: stage.models.url }),
    ]),
    ...[shop, assistant].map((credential) => stage.keybaton.run('rotate', credential, '--why', 'the first version')),
  ]);
  for (const credential of [shop, assistant])
    await stage.events.next(`the first version of ${credential}`, after(0, credential, 'promotion.shown'));

  const consumers = await Promise.all([web(), orders(), reports(), chat()]);
  for (const consumer of consumers) await consumer.queriesMore(10);
  // A sweep may have been faster than we, so that we have asked for a second one: it ends when the applications have proved it.
  for (const credential of [shop, assistant])
    promises.check(`${credential} has its first version`, (await outcomeOf({ stage }, credential, 0)) === 'rotated');
  shown.line('web, orders, reports and chat read their secrets and work without a break');
  const [ofWeb, ofOrders, ofReports, ofChat] = consumers;
  return {
    stage,
    shown,
    promises,
    web: ofWeb,
    orders: ofOrders,
    reports: ofReports,
    chat: ofChat,
    counts: () => sum(consumers),
    leave: () => Promise.all(consumers.map((consumer) => consumer.leave())),
  };
}

/** A token for one application; what is answered starts it. */
async function employ(
  stage: Stage,
  credential: string,
  consumer: string,
  work: ConsumerOrders['work'],
): Promise<() => Promise<Consumer>> {
  // The shape of what the command prints.
  const { token } = (await stage.keybaton.run('token', 'make', credential, consumer)) as { readonly token: string };
  stage.values.add({ what: `token of ${consumer}`, value: token });
  const orders = { url: stage.apiUrl, token, credential, consumer, work };
  return () => startConsumer(orders, join(stage.logs, `consumer-${consumer}.log`));
}

function sum(consumers: readonly Consumer[]): Counts {
  const total: Counts = { queries: 0, newConnections: 0, failedQueries: 0, retriedQueries: 0 };
  for (const { name, counts } of consumers) {
    const { queries, newConnections, failedQueries, retriedQueries } = counts();
    total.failedQueries += failedQueries;
    total.retriedQueries += retriedQueries;
    // Calls to the model provider are no queries of the database.
    if (name === 'chat') continue;
    total.queries += queries;
    total.newConnections += newConnections;
  }
  return total;
}
