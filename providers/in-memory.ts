import { timingSafeEqual } from 'node:crypto';
import type { Ref } from '../domain/facts.ts';
import { KeybatonError } from '../domain/errors.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import { fillSlot, freeSlot, freshValue, makeKey, roomForKey } from './in-memory/making.ts';
import { generationOf, kill, markOf, parseMark, standingGeneration } from './in-memory/marks.ts';
import type { InMemoryTarget } from './in-memory/marks.ts';
import { inMemorySettings, traitsOf, usualPowers } from './in-memory/settings.ts';
import type { InMemorySettings, Powers } from './in-memory/settings.ts';
import { sharedWorld } from './in-memory/shared-world.ts';
import { takeTrouble, troubleAfter, troubleBefore } from './in-memory/trouble.ts';
import type { Operation } from './in-memory/trouble.ts';
import { digestOf, isStanding, processWorld, showValue } from './in-memory/world.ts';
import type { World, WorldKey, WorldState } from './in-memory/world.ts';
import type { Call, IssueRequest, Issued, LiveCredential, Provider, Usage } from './provider.ts';
import type { ValueRevoker } from './value-revoker.ts';

type InMemoryProvider = Provider<InMemorySettings>;

export interface InMemoryOptions {
  readonly powers?: Partial<Powers>;
  /** The far side. Default: the folder the settings name, else a world of this process under the settings' name. */
  readonly world?: (settings: InMemorySettings) => World;
}

/** The reference adapter, the fake for tests, and the template that `docs/providers/in-memory.md` explains. */
export function inMemory(options: InMemoryOptions = {}): InMemoryProvider {
  const chosen = { ...usualPowers, ...options.powers };
  // A slot is nothing without its mark.
  const powers: Powers = chosen.keys === 'dual-slot' ? { ...chosen, tags: true } : chosen;
  const inSlots = powers.keys === 'dual-slot';
  const worldOf = options.world ?? worldFrom;
  const material = (value: string): SecretMaterial => new SecretMaterial({ api_key: value }, 'api_key');
  const refOf = (target: InMemoryTarget, id: string, version: string): Ref =>
    inSlots ? { id, mark: markOf(target, version) } : { id };

  /** One admin call: trouble, then the admin credential, then the effect, then trouble again. */
  async function ask<Answer>(
    operation: Operation,
    target: InMemoryTarget,
    call: Call,
    act: (state: WorldState, late: number) => Answer,
  ): Promise<Answer> {
    const admin = (await target.admin()).revealValue();
    const world = worldOf(target.settings);
    refuseIfTooLate(call);
    const trouble = takeTrouble(world, operation);
    await troubleBefore(trouble, call);
    refuseIfTooLate(call);
    const answer = world.change((state) => {
      if (state.admin !== undefined && !sameDigest(state.admin, digestOf(admin))) {
        throw new KeybatonError('ACCESS_DENIED', `the admin credential of ${target.name} is refused`);
      }
      return act(state, trouble?.kind === 'late-create' ? trouble.delay : 0);
    });
    await troubleAfter(trouble, call, answer instanceof Object && 'value' in answer ? String(answer.value) : admin);
    return answer;
  }

  function onGeneration(operation: Operation, act: (key: WorldKey, now: number) => void) {
    return (target: InMemoryTarget, ref: Ref, call: Call): Promise<void> =>
      ask(operation, target, call, (state) =>
        act(standingGeneration(state, target, ref, inSlots, call.now()), call.now()),
      );
  }

  async function issue(target: InMemoryTarget, request: IssueRequest, call: Call): Promise<Issued> {
    const value = request.generated?.material.revealValue() ?? freshValue((bytes) => call.random(bytes));
    const made = await ask('issue', target, call, (state, delay) =>
      (inSlots ? fillSlot : makeKey)(state, target, request, { value, now: call.now(), delay }, powers),
    );
    return {
      ref: refOf(target, made.id, request.version),
      material: material(made.value),
      ...(powers.expiry && request.expiresAt !== undefined && { expiresAt: request.expiresAt }),
    };
  }

  return {
    name: 'in-memory',
    settingsSchema: inMemorySettings,
    material: { fields: ['api_key'], value: 'api_key' },
    traits: (settings) => traitsOf(powers, settings),

    preflight: (target, request, call) =>
      ask('preflight', target, call, (state) => ({
        ...(inSlots ? freeSlot : roomForKey)(state, target, request, call.now()),
        live: state.keys.filter((key) => isStanding(key, call.now())).map((key) => key.id),
        at: call.now(),
      })),

    async verify(target, shown, call) {
      const world = worldOf(target.settings);
      const trouble = takeTrouble(world, 'verify');
      await troubleBefore(trouble, call);
      refuseIfTooLate(call);
      const verdict = showValue(world, shown.revealValue(), call.now());
      await troubleAfter(trouble, call, shown.revealValue());
      return verdict;
    },

    revoke: (target, ref, call) =>
      ask('revoke', target, call, (state) => {
        const key = generationOf(state, target, ref, inSlots);
        if (key !== undefined) kill(key, target, call.now());
      }),

    list: (target, call) =>
      ask('list', target, call, (state) =>
        state.keys.filter((key) => isStanding(key, call.now())).map((key) => listed(key, inSlots)),
      ),

    ...(powers.keys !== 'operator-supplied' && { issue }),

    ...(powers.keys !== 'operator-supplied' &&
      powers.makes === 'generate' && {
        generate: (target, request) => ({
          ref: refOf(target, inSlots ? request.place : request.version, request.version),
          material: material(freshValue((bytes) => request.random(bytes))),
        }),
      }),

    ...(powers.recover && {
      async recover(target: InMemoryTarget, ref: Ref, call: Call) {
        const found = await ask(
          'recover',
          target,
          call,
          (state) => standingGeneration(state, target, ref, inSlots, call.now()).value,
        );
        if (found === undefined) throw new KeybatonError('NOT_FOUND', `${ref.id} has no value to show`);
        return material(found);
      },
    }),

    ...(powers.suspend && {
      suspend: (target: InMemoryTarget, ref: Ref, call: Call) =>
        ask('suspend', target, call, (state) => {
          const key = generationOf(state, target, ref, inSlots);
          if (key !== undefined) Object.assign(key, { disabled: true, sessions: 0 });
        }),
      resume: onGeneration('resume', (key) => (key.disabled = false)),
    }),

    ...(powers.usage !== undefined && {
      usage: (target: InMemoryTarget, ref: Ref, call: Call) =>
        ask('usage', target, call, (state) =>
          usageOf(
            standingGeneration(state, target, ref, inSlots, call.now()),
            powers,
            call.now() - target.settings.usageLag,
          ),
        ),
    }),

    ...(powers.usage === 'sample' && {
      endSessions: (target: InMemoryTarget, ref: Ref, call: Call) =>
        ask('endSessions', target, call, (state) => {
          const key = generationOf(state, target, ref, inSlots);
          if (key !== undefined) key.sessions = 0;
        }),
    }),

    ...(powers.expiry && {
      extend: (target: InMemoryTarget, ref: Ref, expiresAt: number, call: Call) =>
        ask('extend', target, call, (state) => {
          standingGeneration(state, target, ref, inSlots, call.now()).expiresAt = expiresAt;
        }),
    }),

    ...(powers.keys === 'operator-supplied' && {
      adopt: (target, request, call) =>
        ask('adopt', target, call, (state) => {
          const tag = markOf(target, request.version);
          const matches = state.keys.filter(
            (key) =>
              isStanding(key, call.now()) &&
              key.digest === digestOf(request.material.revealValue()) &&
              (key.tag === undefined || key.tag === tag) &&
              !request.known.some((ref) => ref.id === key.id),
          );
          const [match, ...more] = matches;
          if (match === undefined || more.length > 0) {
            throw new KeybatonError(
              'VERIFICATION_FAILED',
              `${matches.length} free keys of ${target.name} match what was supplied; it must be exactly one`,
            );
          }
          match.tag = tag;
          return { ref: { id: match.id }, material: request.material };
        }),
    }),

    killByHand: (target, ref) =>
      `in-memory world of target ${target.name}: ask a running worker to revoke key ${ref.id}, or delete the folder of the world`,
  };
}

const worlds = new Map<string, World>();

/** One world per folder or name, for as long as the process lives. */
export function worldFrom(settings: InMemorySettings): World {
  const key = settings.folder === undefined ? `process ${settings.world}` : `folder ${settings.folder}`;
  const world = worlds.get(key) ?? (settings.folder === undefined ? processWorld() : sharedWorld(settings.folder));
  worlds.set(key, world);
  return world;
}

/** Kills a value in every world that this process has used. The worlds count as one vendor. */
export function inMemoryValueRevoker(known: () => Iterable<World> = () => worlds.values()): ValueRevoker {
  return {
    name: 'in-memory',
    pattern: /^kbmem_[\w-]{43}$/,
    async revoke(value, call) {
      refuseIfTooLate(call);
      const digest = digestOf(value.revealValue());
      let found = false;
      for (const world of known())
        world.change((state) => {
          for (const key of state.keys) {
            if (key.digest !== digest) continue;
            found = true;
            Object.assign(key, {
              revokedAt: key.revokedAt ?? call.now(),
              diesAt: key.diesAt ?? call.now(),
              sessions: 0,
            });
            delete key.value;
          }
        });
      if (!found) throw new KeybatonError('NOT_FOUND', 'no in-memory world of this process has a key with that value');
    },
  };
}

function refuseIfTooLate(call: Call): void {
  if (call.signal.aborted) throw new KeybatonError('UNAVAILABLE', 'the call was given up before it was sent');
  if (call.now() >= call.deadline)
    throw new KeybatonError('UNAVAILABLE', 'too late: nothing was sent after the deadline');
}

function listed(key: WorldKey, inSlots: boolean): LiveCredential {
  const tag = parseMark(key.tag);
  return {
    ref: inSlots && key.tag !== undefined && tag !== undefined ? { id: key.id, mark: key.tag } : { id: key.id },
    ...(tag !== undefined && { tag }),
    disabled: key.disabled,
    createdAt: key.createdAt,
  };
}

function usageOf(key: WorldKey, powers: Powers, readableUntil: number): Usage {
  if (powers.usage === 'sample') return { kind: 'sample', sessions: key.sessions };
  const hidden = key.uses.filter((at) => at > readableUntil).length;
  if (powers.usage === 'counter') return { kind: 'counter', count: key.useCount - hidden };
  const lastUsedAt = key.uses.findLast((at) => at <= readableUntil);
  return { kind: 'timestamp', ...(lastUsedAt !== undefined && { lastUsedAt }) };
}

function sameDigest(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}
