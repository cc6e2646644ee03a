import { join } from 'node:path';
import type { ConsumerOrders } from '../demo/consumer.ts';
import { startConsumer, type Consumer } from '../demo/consumers.ts';
import type { RefusalSeen } from './verdict.ts';

export interface Employed {
  readonly credential: string;
  readonly consumer: string;
  readonly work: ConsumerOrders['work'];
}

export interface Fleet {
  employ(employed: Employed, token: string, apiUrl: string): Promise<void>;
  /** Every failure and every refusal that a second try cured, with the moment at which it was told. */
  refusals(): readonly RefusalSeen[];
  queries(): number;
  /** Names of those that do not get an answer now, each asked for ten more. */
  idle(): Promise<readonly string[]>;
  leave(): Promise<unknown>;
}

interface Member extends Employed {
  readonly process: Consumer;
  failed: number;
  retried: number;
}

/** Applications as processes of their own, with the SDK: they read their secret, use it without a break, and prove it. */
export function fleet(options: {
  readonly logs: string;
  readonly now: () => number;
  /** Those of this credential keep the first version they ever held. */
  readonly keepsFirst?: string;
}): Fleet & { stop(): void } {
  const members: Member[] = [];
  const refusals: RefusalSeen[] = [];

  function look(): void {
    for (const member of members) {
      const { failedQueries, retriedQueries } = member.process.counts();
      const { credential, consumer } = member;
      const told = { at: options.now(), credential, consumer };
      const [failed, retried] = [failedQueries - member.failed, retriedQueries - member.retried];
      if (failed > 0) refusals.push({ ...told, kind: 'failed', code: member.process.lastError(), count: failed });
      if (retried > 0) refusals.push({ ...told, kind: 'retried', code: undefined, count: retried });
      Object.assign(member, { failed: failedQueries, retried: retriedQueries });
    }
  }
  const timer = setInterval(look, 250);

  return {
    async employ(employed, token, url) {
      const { credential, consumer, work } = employed;
      const keepsFirst = options.keepsFirst === credential;
      const orders = { url, token, credential, consumer, work, between: 100, ...(keepsFirst ? { keepsFirst } : {}) };
      const process = await startConsumer(orders, join(options.logs, `consumer-${consumer}.log`));
      members.push({ ...employed, process, failed: 0, retried: 0 });
    },
    refusals: () => (look(), refusals),
    queries: () => members.reduce((sum, { process }) => sum + process.counts().queries, 0),
    async idle() {
      look();
      const found: string[] = [];
      for (const { process, consumer } of members) {
        const before = process.counts().failedQueries;
        try {
          await process.queriesMore(10);
          if (process.counts().failedQueries > before) found.push(`${consumer} (${process.lastError() ?? 'failed'})`);
        } catch {
          found.push(`${consumer} (no query)`);
        }
      }
      return found;
    },
    leave: () => Promise.all(members.map(({ process }) => process.leave())),
    stop: () => clearInterval(timer),
  };
}
