import { KeybatonError } from '../../domain/errors.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import type { Backend, BackendCall, Envelope } from '../backend.ts';
import { ensureInTime } from '../call.ts';
import type { StoredFields } from '../main-place.ts';

export type Operation = Exclude<keyof Backend, 'name' | 'readable'>;

/** What can go wrong with one call. `throw-secret` breaks the contract on purpose: it plays an adapter that leaks. */
export type Trouble =
  | 'lose-answer'
  | 'fail'
  | 'sealed'
  | 'denied'
  | 'full'
  | 'rate-limited'
  | 'hang'
  | 'throw-secret'
  | 'throw-secret-text';

/** Everything kept for one path: staged envelopes, and every generation of the main place, the last one current. */
export interface Shelf {
  readonly staged: Map<string, Envelope>;
  generations: StoredFields[];
}

export interface InMemoryWorld {
  shelf(path: string): Shelf;
  /** What consumers read now, marks included; undefined when nothing is there. */
  main(path: string): StoredFields | undefined;
  /** Somebody else writes these fields, as by hand: all else stays. */
  writeByHand(path: string, fields: StoredFields): void;
  /** The next `times` calls (of this operation, or of any) meet this trouble; later scripts wait for earlier ones. */
  script(trouble: Trouble, when?: { readonly operation?: Operation; readonly times?: number }): void;
  /** Every call that arrived, in order: for tests that count effects. */
  readonly calls: readonly Operation[];
  /** Runs an effect, or the trouble that is due. For backends of this world only. */
  meet<Answer>(
    operation: Operation,
    call: BackendCall,
    material: SecretMaterial | undefined,
    effect: () => Answer,
  ): Promise<Answer>;
}

export function createInMemoryWorld(): InMemoryWorld {
  const shelves = new Map<string, Shelf>();
  const scripts: { trouble: Trouble; operation: Operation | undefined; left: number }[] = [];
  const calls: Operation[] = [];

  function shelf(path: string): Shelf {
    const there = shelves.get(path) ?? { staged: new Map<string, Envelope>(), generations: [] };
    shelves.set(path, there);
    return there;
  }

  function due(operation: Operation): Trouble | undefined {
    const found = scripts.find((one) => one.left > 0 && (one.operation ?? operation) === operation);
    if (found !== undefined) found.left -= 1;
    return found?.trouble;
  }

  return {
    shelf,
    calls,
    main: (path) => shelf(path).generations.at(-1),
    writeByHand(path, fields) {
      const { generations } = shelf(path);
      generations.push({ ...generations.at(-1), ...fields });
    },
    script(trouble, when = {}) {
      scripts.push({ trouble, operation: when.operation, left: when.times ?? 1 });
    },
    async meet(operation, call, material, effect) {
      calls.push(operation);
      const trouble = due(operation);
      if (trouble === 'hang') await forEver(call.signal);
      ensureInTime(call);
      const thrown = trouble === undefined ? undefined : troubleBefore(trouble, operation, material);
      // An adapter that breaks the contract throws anything, a plain text too.
      // eslint-disable-next-line @typescript-eslint/only-throw-error
      if (thrown !== undefined) throw thrown;
      const answer = effect();
      if (trouble === 'lose-answer') {
        throw new KeybatonError(
          isWrite(operation) ? 'AMBIGUOUS' : 'UNAVAILABLE',
          `the answer to ${operation} was lost on the way`,
        );
      }
      return answer;
    },
  };
}

function isWrite(operation: Operation): boolean {
  return operation === 'stage' || operation === 'promote' || operation === 'destroy';
}

/** Until the caller gives up: the promise of a call that hangs. */
function forEver(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function troubleBefore(trouble: Trouble, operation: Operation, material: SecretMaterial | undefined): unknown {
  switch (trouble) {
    case 'fail':
      return new KeybatonError('UNAVAILABLE', `the backend did not answer ${operation}`);
    case 'sealed':
      return new KeybatonError('UNAVAILABLE', 'the backend is sealed: unseal it');
    case 'denied':
      return new KeybatonError('ACCESS_DENIED', `the backend refuses ${operation} to our admin credential`);
    case 'full':
      return new KeybatonError('CAPACITY_EXHAUSTED', 'the backend is full');
    case 'rate-limited':
      return new KeybatonError('RATE_LIMITED', 'the backend asks us to wait', { retryAfter: 1_000 });
    case 'throw-secret':
      return new Error(`could not ${operation} ${material?.revealValue() ?? 'nothing'}`, {
        cause: { body: { ...material?.reveal() } },
      });
    case 'throw-secret-text':
      return `could not ${operation} ${material?.revealValue() ?? 'nothing'}`;
    case 'lose-answer':
    case 'hang':
      return undefined;
  }
}
