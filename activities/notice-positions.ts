import type { Ledger } from '../ledger/ledger.ts';

/** Up to which event one channel has been told. */
export interface Position {
  readonly n: number;
  /** The code of what stands in its way, while something does. */
  readonly trouble: string | undefined;
}

type PositionLedger = Pick<Ledger, 'remembered' | 'remember' | 'note'>;

const place = 'notices told';

/** By channel. Empty before the first call, and where another build kept them in another shape. */
export async function readPositions(ledger: PositionLedger): Promise<ReadonlyMap<string, Position>> {
  const text = await ledger.remembered(place);
  const kept: unknown = text === undefined ? undefined : JSON.parse(text);
  if (typeof kept !== 'object' || kept === null) return new Map();
  return new Map(
    Object.entries(kept).flatMap(([channel, at]: [string, unknown]): readonly (readonly [string, Position])[] => {
      if (typeof at !== 'object' || at === null || !('n' in at) || typeof at.n !== 'number') return [];
      const trouble = 'trouble' in at && typeof at.trouble === 'string' ? at.trouble : undefined;
      return [[channel, { n: at.n, trouble }]];
    }),
  );
}

/** Keeps them, and notes in the ledger, once each, that a channel cannot be told and that it can again. */
export async function keepPositions(
  ledger: PositionLedger,
  before: ReadonlyMap<string, Position>,
  now: ReadonlyMap<string, Position>,
): Promise<void> {
  const text = JSON.stringify(Object.fromEntries(now));
  if (text !== JSON.stringify(Object.fromEntries(before))) await ledger.remember(place, text);
  for (const [channel, { trouble }] of now) {
    const earlier = before.get(channel)?.trouble;
    if (trouble === earlier) continue;
    const kind = trouble === undefined ? 'channel.well' : 'channel.failing';
    await ledger.note({
      kind,
      actor: 'keybaton',
      body: { channel, ...(trouble === undefined ? {} : { code: trouble }) },
    });
  }
}
