import { codeOf, errorTable, isKeybatonError } from '../domain/errors.ts';
import type { Channel, Delivery, Notice } from '../domain/notice.ts';

/** What telling people needs; implemented by `worker/`. None of it needs the ledger. */
export interface NotifyPorts {
  /** As applied; where the ledger does not answer at once, as the kill sheet has them. */
  channels(): Promise<readonly Channel[]>;
  now(): number;
}

export interface NotifyInput {
  readonly notice: Notice;
  /** Only these: the ones that answered `again` before. All, when unsaid. */
  readonly only?: readonly string[];
  /** By channel: what its last delivery about the same thing answered as `memory`. */
  readonly remembered?: Readonly<Record<string, string>>;
}

/** Milliseconds for one channel. */
const patience = 15_000;

/**
 * Tells every channel that wants it, side by side, and says what each came to; one that fails keeps none of the others.
 * Idempotent by the notice's key as far as the other side allows. Throws only when no channel can be known.
 */
export async function notify(
  ports: NotifyPorts,
  { notice, only, remembered = {} }: NotifyInput,
  signal: AbortSignal,
): Promise<readonly Delivery[]> {
  const channels = await ports.channels();
  const asked = only === undefined ? channels : channels.filter(({ name }) => only.includes(name));
  return Promise.all(asked.map((channel) => tell(ports, channel, notice, remembered[channel.name], signal)));
}

export async function tell(
  ports: Pick<NotifyPorts, 'now'>,
  channel: Channel,
  notice: Notice,
  memory: string | undefined,
  signal: AbortSignal,
): Promise<Delivery> {
  const answer = { channel: channel.name, code: undefined, againIn: undefined, memory };
  if (!channel.tells(notice)) return { ...answer, outcome: 'not wanted' };
  try {
    const within = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
    const sent = await channel.send(notice, memory, { signal: within, now: () => ports.now() });
    return { ...answer, outcome: 'sent', memory: sent.memory };
  } catch (thrown) {
    const code = codeOf(thrown);
    return {
      ...answer,
      outcome: errorTable[code].retryable ? 'again' : 'refused',
      code,
      againIn: isKeybatonError(thrown) ? thrown.retryAfter : undefined,
    };
  }
}
