import type { Entry } from '../../domain/entry.ts';
import { codeOf } from '../../domain/errors.ts';
import type { ReleaseKind } from '../../domain/facts.ts';
import { rotationWorkflowId, type VersionId } from '../../domain/identifiers.ts';
import { credential } from './entries.ts';
import type { SimulatedWorld } from './world.ts';

/** What people ask and change, who wait where the ledger does not answer. */
export interface People {
  /** Answers the request; undefined: it is not possible any more, or nobody could be told. */
  request(
    kind: 'rotate' | 'pause' | 'freeze' | 'rollBack' | 'release',
    more?: { readonly version?: VersionId; readonly release?: ReleaseKind },
  ): Promise<string | undefined>;
  /** It is withdrawn this much later. */
  ends(request: string | undefined, after: number): void;
  change(changes: Partial<Entry>): Promise<void>;
  inMode(mode: Entry['mode'], after: number): Promise<void>;
  /** As soon as the ledger answers. */
  reaching(act: () => Promise<unknown>): Promise<void>;
}

export function openPeople(world: SimulatedWorld, quietFrom: number): People {
  const { agenda, temporal, ledger, pace } = world;

  const request: People['request'] = async (kind, { version, release } = {}) => {
    if (agenda.now() < world.down.ledger) return undefined;
    try {
      const made = await ledger.request({
        kind,
        ...(kind === 'freeze' ? {} : { credential }),
        who: 'operator',
        why: 'mischief',
        ...(version === undefined ? {} : { version }),
        ...(release === undefined ? {} : { release }),
      });
      world.wake();
      if (kind === 'rotate' || kind === 'rollBack' || release === 'retire')
        temporal.start('rotateCredential', rotationWorkflowId(credential), [
          { credential, reason: kind, actor: 'operator', rehearse: false, pace },
        ]);
      return made.id;
    } catch (thrown) {
      // Not possible any more: told to the operator, and that is all.
      if (codeOf(thrown) !== 'CONFLICT') throw thrown;
      return undefined;
    }
  };

  async function reaching(act: () => Promise<unknown>): Promise<void> {
    if (agenda.now() >= world.down.ledger) await act();
    else agenda.at(world.down.ledger + 1, 'once the ledger answers', () => reaching(act));
  }

  const change: People['change'] = (changes) => reaching(() => world.apply(changes));

  return {
    request,
    reaching,
    change,
    ends(id, after) {
      if (id === undefined) return;
      const withdraw = async (): Promise<void> => {
        await ledger.withdrawRequest({ id, who: 'operator', why: 'over' }).catch((thrown: unknown) => {
          if (codeOf(thrown) !== 'NOT_FOUND' && codeOf(thrown) !== 'CONFLICT') throw thrown;
        });
        world.wake();
      };
      agenda.at(Math.min(agenda.now() + after, quietFrom), 'withdraw', () => reaching(withdraw));
    },
    async inMode(mode, after) {
      await change({ mode });
      agenda.at(Math.min(agenda.now() + after, quietFrom), 'apply', () => change({ mode: 'automatic' }));
    },
  };
}
