import { randomUUID } from 'node:crypto';
import type { Api } from './api.ts';
import { follow } from './follow.ts';
import type { Keeper } from './keeper.ts';
import { holdLease } from './lease.ts';
import { openOutbox } from './outbox.ts';
import { inTime } from './pause.ts';
import type { Witness } from './witness.ts';
import { openWitness } from './witness.ts';

/** What keybaton is told of this instance, and tells it. */
export interface Tells {
  readonly witness: Witness;
  /** Settled once registering was tried. */
  readonly registered: Promise<void>;
  /** Waits for what is not acknowledged (at most so many milliseconds), and deregisters. */
  leave(within: number): Promise<void>;
  /** Ends with the signal. */
  readonly ended: () => Promise<unknown>;
}

export interface TellOptions {
  readonly api: Api;
  readonly credential: string;
  readonly consumer: string;
  readonly instance: string;
  readonly lease: number;
  readonly timeout: number;
  readonly follow: boolean;
  readonly signal: AbortSignal;
  readonly onProblem: (problem: unknown) => void;
  /** Asked only after this has returned. */
  readonly keeper: () => Keeper;
}

/** Registers, keeps the lease, sends proofs and reports, and hears of new epochs. */
export function tellKeybaton(options: TellOptions): Tells {
  const { api, credential, consumer, instance, timeout, signal, onProblem, keeper } = options;
  const boot = randomUUID();
  const lease = holdLease({ api, instance, boot, lease: options.lease, timeout, signal, onProblem });
  const outbox = openOutbox({
    api,
    timeout,
    signal,
    onProblem,
    async stillCounts({ epoch }) {
      await lease.renew().catch(onProblem);
      const { secret } = await keeper()
        .refetch()
        .catch(() => ({ secret: { epoch } }));
      return Math.max(secret.epoch, keeper().seen()) <= epoch;
    },
  });
  const following = options.follow
    ? follow({ api, timeout, signal, seen: () => keeper().seen(), told: (epoch) => keeper().told(epoch) })
    : Promise.resolve();

  return {
    witness: openWitness({ outbox, credential, consumer, instance, boot }),
    registered: lease.tried,
    async leave(within) {
      await inTime(outbox.drained(), within);
      // A renewal that arrives after the farewell would register us again.
      await lease.stop();
      const path = `/instances/${encodeURIComponent(instance)}?boot=${boot}`;
      await api.ask({ method: 'DELETE', path, timeout, signal });
    },
    ended: () => Promise.all([lease.ended, following, outbox.drained()]),
  };
}

/** Without an address of keybaton's: nothing is proved, reported or heard. */
export const tellNobody: Tells = {
  witness: { used: () => undefined, fellBack: () => Promise.resolve(), refused: () => Promise.resolve() },
  registered: Promise.resolve(),
  leave: () => Promise.resolve(),
  ended: () => Promise.resolve(),
};
