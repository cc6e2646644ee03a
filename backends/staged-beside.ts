import { codeOf, KeybatonError } from '../domain/errors.ts';
import type { VersionId } from '../domain/identifiers.ts';
import type { Backend, BackendCall, Envelope, MainPlace, Place, Promotion } from './backend.ts';
import { ensureInTime } from './call.ts';
import { renderFields } from './fields.ts';
import {
  fieldsAfter,
  judgeMain,
  judgePromotion,
  markOf,
  type RenderedFields,
  type StoredFields,
} from './main-place.ts';

/** What stands at the main place, as a store gives it; with it goes whatever a write must name to replace just this. */
export interface Stood {
  /** Undefined: nothing. */
  readonly fields: StoredFields | undefined;
  /** Something without fields: foreign as a whole. */
  readonly unstructured?: boolean;
}

/** A store that keeps staged versions beside the main place, and can replace the main place under a condition. */
export interface Store<Seen extends Stood> {
  /** Of the backend, for people. */
  readonly name: string;
  readonly staging: {
    add(place: Place, envelope: Envelope, call: BackendCall): Promise<void>;
    find(place: Place, version: string, call: BackendCall): Promise<Envelope | undefined>;
    list(place: Place, call: BackendCall): Promise<readonly VersionId[]>;
  };
  /** INVALID_CONFIG for fields that the store cannot hold under these names. */
  checkNames?(names: readonly string[]): void;
  look(place: Place, call: BackendCall): Promise<Seen>;
  /** Puts `next` in the place of what was seen, and of nothing else. `moved`: something else stands there by now. */
  replace(
    place: Place,
    next: { readonly promotion: Promotion; readonly fields: StoredFields },
    seen: Seen,
    call: BackendCall,
  ): Promise<'done' | 'moved'>;
  /** Where the promotion stands there: takes away what else it may have left. */
  finish?(place: Place, seen: Seen, call: BackendCall): Promise<void>;
}

interface Standing<Seen> {
  readonly main: MainPlace;
  readonly seen: Seen;
  /** What the marked version renders to. */
  readonly rendered: RenderedFields | undefined;
  readonly marked: Envelope | undefined;
}

/** How often a promotion looks again because somebody changed another field meanwhile. */
const patience = 8;

/** What is the same in every such store: what is judged, in which order, and what a lost answer means. */
export function stagedBeside<Seen extends Stood>(
  store: Store<Seen>,
): Pick<Backend, 'stage' | 'promote' | 'read' | 'describe'> {
  const { staging } = store;

  async function staged(place: Place, version: VersionId, call: BackendCall): Promise<Envelope> {
    const envelope = await staging.find(place, version, call);
    if (envelope !== undefined) return envelope;
    throw new KeybatonError('NOT_FOUND', `version ${version} is not staged in backend ${store.name}`);
  }

  /** `mapped`: the names that are ours, asked for only where no mark leads to a version. */
  async function standing(
    place: Place,
    call: BackendCall,
    mapped: () => Promise<readonly string[] | undefined>,
  ): Promise<Standing<Seen>> {
    const seen = await store.look(place, call);
    const { fields, unstructured } = seen;
    const mark = fields && markOf(fields);
    const marked = mark && (await staging.find(place, mark.version, call));
    const rendered = marked && renderFields(place.fields, marked.material);
    const names = fields && mark === undefined ? await mapped() : undefined;
    const main: MainPlace =
      unstructured === true ? { kind: 'foreign', claims: undefined } : judgeMain(fields, rendered, names);
    return { main, seen, rendered, marked };
  }

  /** False: somebody wrote in between, so it has to be judged anew. */
  async function tryPromote(
    place: Place,
    promotion: Promotion,
    envelope: Envelope,
    call: BackendCall,
  ): Promise<boolean> {
    const rendered = renderFields(place.fields, envelope.material);
    const look = () => standing(place, call, async () => Object.keys(rendered));
    const now = await look();
    if (judgePromotion(now.main, promotion) === 'done') {
      await store.finish?.(place, now.seen, call);
      return true;
    }
    const fields = fieldsAfter(now.seen.fields, now.rendered, rendered, promotion);
    try {
      return (await store.replace(place, { promotion, fields }, now.seen, call)) === 'done';
    } catch (thrown) {
      if (codeOf(thrown) !== 'AMBIGUOUS') throw thrown;
      // The answer is lost: what stands there tells, or, if that cannot be seen either, it stays in doubt.
      const after = await look().catch(() => undefined);
      const main = after?.main;
      if (main?.kind !== 'ours' || main.version !== promotion.version || main.epoch !== promotion.epoch) throw thrown;
      if (after !== undefined) await store.finish?.(place, after.seen, call);
      return true;
    }
  }

  return {
    async stage(place, envelope, call) {
      ensureInTime(call);
      const rendered = renderFields(place.fields, envelope.material);
      store.checkNames?.(Object.keys(rendered));
      await staging.add(place, envelope, call);
    },

    async promote(place, promotion, call) {
      ensureInTime(call);
      const envelope = await staged(place, promotion.version, call);
      for (let attempt = 0; attempt < patience; attempt += 1) {
        if (await tryPromote(place, promotion, envelope, call)) return;
      }
      throw new KeybatonError('UNAVAILABLE', `${place.path} is being written to all the time: nothing was promoted`);
    },

    async read(place, which, call) {
      if (which !== 'current') return { ...(await staged(place, which, call)), epoch: undefined };
      const { main, marked } = await standing(place, call, async () => place.fields && Object.keys(place.fields));
      if (main.kind === 'empty') throw new KeybatonError('NOT_FOUND', `nothing of ours stands at ${place.path}`);
      if (main.kind !== 'ours' || marked === undefined) {
        throw new KeybatonError('CONFLICT', `what stands at ${place.path} is not ours`);
      }
      return { ...marked, epoch: main.epoch };
    },

    async describe(place, call) {
      const versions = await staging.list(place, call);
      const { main } = await standing(place, call, async () => {
        if (place.fields !== undefined) return Object.keys(place.fields);
        const [any] = versions;
        return any && (await staging.find(place, any, call))?.material.fieldNames();
      });
      return { main, staged: versions };
    },
  };
}
