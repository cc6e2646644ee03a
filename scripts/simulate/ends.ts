import type { WorldKey } from '../../providers/in-memory/world.ts';
import type { Instance } from './consumers.ts';
import { pathOf } from './entries.ts';
import { minute } from './scenario.ts';
import type { SimulatedWorld } from './world.ts';

/** What the provider ends by itself, looked at from outside. */
export interface EndsWatch {
  /** After every event. */
  look(): void;
  /** At the moment in which something is told to the ledger. */
  atLedger(operation: string, given: readonly unknown[]): void;
  /** It reached its end in use, and keybaton could do nothing against it that it had not done. */
  excused(version: string): boolean;
}

export interface EndsInput {
  readonly world: () => SimulatedWorld;
  readonly instances: readonly Instance[];
  /** What leaked may reach its end: the sooner the better. */
  readonly compromised: ReadonlySet<string>;
  /** Until when something kept keybaton from its work. */
  readonly keptAwayUntil: () => number;
  readonly broken: (what: string) => void;
}

/** Until a sweep comes, and what it starts has moved an end in its first call. */
const sweepTakes = 40 * minute;

export const versionOf = (key: WorldKey | undefined): string | undefined => key?.tag?.split(':')[1];

/** It stands at the provider, if nobody asks whether it is disabled or has spread. */
export const stands = (key: WorldKey, now: number): boolean =>
  key.revokedAt === undefined && (key.expiresAt === undefined || key.expiresAt > now);

/**
 * Nothing that is in use reaches the end that its provider sets, whatever people stop and for how long: where the end can be
 * moved it is moved in time, and where it cannot people were paged of that very version before. Keybaton is not to blame for
 * what ends while it was kept from its work, nor for an entry that its team lets it only watch, or has let go.
 */
export function endsWatch({ world, instances, compromised, keptAwayUntil, broken }: EndsInput): EndsWatch {
  const looked = new Set<WorldKey>();
  const pagedAt = new Map<string, number>();
  const excused = new Set<string>();

  function inUse(version: string, now: number): string | undefined {
    const { backends, credentials, hands } = world();
    const showing = backends.findIndex(
      (backend, index) =>
        hands.stands(index) === undefined &&
        credentials.some((id) => backend.main(pathOf(id))?.['keybaton_version'] === version),
    );
    if (showing >= 0) return `backend ${showing} shows it`;
    const holder = instances.find((one) => one.holds() === version && one.believedUntil() >= now);
    return holder === undefined ? undefined : `${holder.name} holds it`;
  }

  function ended(version: string, at: number, now: number): void {
    const { entry, mayGo, endsMove, hands } = world();
    const use = inUse(version, now);
    // Where somebody has written past keybaton it cannot be seen whether it is shown.
    if (use === undefined && world().backends.some((_, index) => hands.stands(index) !== undefined))
      excused.add(version);
    if (use === undefined) return;
    const told = (pagedAt.get(version) ?? now) < at;
    const blameless =
      entry().mode === 'observe' || mayGo() || at <= keptAwayUntil() + sweepTakes || (told && !endsMove);
    if (blameless) return void excused.add(version);
    broken(
      endsMove
        ? `${version} reached the end that its provider sets, and nobody had moved it: ${use}`
        : `${version} reached the end that its provider sets, and nobody was paged before: ${use}`,
    );
  }

  return {
    look() {
      const now = world().agenda.now();
      world().provider.change(({ keys }) => {
        for (const key of keys) {
          if (key.expiresAt === undefined || key.expiresAt > now || looked.has(key)) continue;
          looked.add(key);
          const version = versionOf(key);
          if (key.revokedAt !== undefined || version === undefined || compromised.has(version)) continue;
          ended(version, key.expiresAt, now);
        }
      });
    },
    atLedger(operation, given) {
      if (operation !== 'alarm') return;
      // As the ledger's contract has it.
      const { key, page } = given[0] as { readonly key: string; readonly page: boolean };
      const [, version, threshold] = /^held\/expiry\/(.+)\/(.+)$/.exec(key) ?? [];
      if (version === undefined || !page || threshold === 'ended' || pagedAt.has(version)) return;
      pagedAt.set(version, world().agenda.now());
    },
    excused: (version) => excused.has(version),
  };
}
