import { fingerprint } from '../activities/fingerprint.ts';
import type { Backend, BackendCall, Walked } from '../backends/backend.ts';
import type { Seen, SeenKey, Unseen } from '../control/discovery.ts';
import { KeybatonError } from '../domain/errors.ts';
import type { ListedHints } from './listed-hints.ts';
import type { Recogniser } from './recognise.ts';

export interface WalkInput {
  readonly backends: readonly string[];
  readonly open: (name: string) => Promise<Backend>;
  readonly below: string | undefined;
  readonly call: BackendCall;
  readonly recogniser: Recogniser;
  readonly hints: Pick<ListedHints, 'fitting'>;
  /** For comparing values with each other, in memory. */
  readonly pepper: Uint8Array;
}

type FoundKey = Omit<SeenKey, 'readers'>;
type Walk = Pick<Seen, 'entries' | 'ours' | 'others' | 'unrecognised' | 'unseen'> & {
  readonly keys: readonly FoundKey[];
};

/** Places of texts that nobody recognised, as many as a person would look at. */
const placesKept = 100;

/** What each entry holds, judged while it is in hand: of the values nothing is kept but which ones are the same. */
export async function walkBackends(input: WalkInput): Promise<Walk> {
  const { call, recogniser, hints, pepper } = input;
  const keys: FoundKey[] = [];
  const others: Seen['others'][number][] = [];
  const unseen: Unseen[] = [];
  const values = new Map<string, number>();
  const places: string[] = [];
  let [entries, ours, texts] = [0, 0, 0];

  function judge(backend: string, { path, texts: found, plain, writtenAt }: Extract<Walked, { kind: 'entry' }>): void {
    const fields = Object.keys(found);
    let strange = 0;
    for (const [field, material] of Object.entries(found)) {
      const recognised = recogniser.recognise(material, [path, field]);
      if (recognised === undefined) {
        strange += 1;
        continue;
      }
      if (recognised.kind === 'other') {
        others.push({ backend, path, field, what: recognised.what });
        continue;
      }
      const digest = fingerprint(pepper, 'now', 'any', material);
      const value = values.get(digest) ?? values.size;
      values.set(digest, value);
      keys.push({
        ...{ backend, path, field, value, writtenAt, plain: plain === true, providers: recognised.providers },
        beside: fields.filter((one) => one !== field),
        refs: hints.fitting(material),
      });
    }
    texts += strange;
    if (strange > 0 && places.length < placesKept) places.push(`${backend} ${path}`);
  }

  for (const backend of input.backends) {
    const opened = await input.open(backend);
    const walk = opened.walk?.(input.below, call);
    if (walk === undefined)
      throw new KeybatonError(
        'UNSUPPORTED',
        opened.readable
          ? `backend ${backend} cannot be looked through: its adapter has no walk`
          : `backend ${backend} cannot be looked through: nothing can be read from it`,
      );
    for await (const one of walk) {
      if (one.kind === 'unseen') {
        const { code, message } = one.trouble;
        unseen.push({ where: `backend ${backend}: ${one.path}`, code, why: message });
        continue;
      }
      entries += 1;
      if (one.ours) ours += 1;
      else judge(backend, one);
    }
  }
  return { entries, ours, keys, others, unseen, unrecognised: { texts, places } };
}
