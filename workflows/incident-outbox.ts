import { condition } from '@temporalio/workflow';
import type { IncidentPace } from '../domain/incident.ts';
import { untilDone } from './incident-again.ts';

/** Things to be sent in order, each until it has arrived; whoever puts them in waits for nothing. */
export interface Outbox<Item> {
  readonly put: (item: Item) => void;
  /** All that has not arrived, for carrying over a continue-as-new. */
  left(): readonly Item[];
  /** Sends until `ends`; `gives up` says after how many failures an item is dropped then. */
  run(ends: Ends): Promise<void>;
}

export interface Ends {
  /** Nothing more will be put in: end once it is empty. */
  readonly drained: () => boolean;
  /** End now; what is left is carried. */
  readonly renewed: () => boolean;
  /** Drop an item after so many failures in a row. */
  readonly hopeless: (failures: number) => boolean;
}

/** `send` takes as many from the front as it likes, and answers how many that were. */
export function openOutbox<Item>(
  pace: IncidentPace,
  carried: readonly Item[],
  send: (items: readonly Item[]) => Promise<number>,
): Outbox<Item> {
  const items = [...carried];
  return {
    put: (item) => {
      items.push(item);
    },
    left: () => [...items],
    async run({ drained, renewed, hopeless }) {
      for (;;) {
        await condition(() => items.length > 0 || drained() || renewed());
        if (renewed() || items.length === 0) return;
        const sent = await untilDone(
          pace,
          () => send(items),
          (failures) => renewed() || (failures > 0 && drained() && hopeless(failures)),
        );
        if ('result' in sent) items.splice(0, sent.result);
        else if (!renewed()) items.shift();
      }
    },
  };
}
