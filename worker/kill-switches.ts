import type { ContainmentPorts } from '../activities/containment/ports.ts';
import type { BoundKillSwitch } from '../activities/ports.ts';
import type { KillSwitches, SwitchName } from '../control/incident-ports.ts';
import { KeybatonError } from '../domain/errors.ts';
import type { Call } from '../providers/provider.ts';

/** Milliseconds for all calls of one look or pull. */
const patience = 60_000;

/** Kill switches of targets from wherever those are still known, in this process: neither ledger nor Temporal is asked. */
export function openKillSwitches(ports: ContainmentPorts): KillSwitches {
  const call = (): Call => ({
    signal: AbortSignal.timeout(patience),
    deadline: ports.now() + patience,
    now: () => ports.now(),
    random: (bytes) => ports.random(bytes),
  });

  async function found(target: string, name: string) {
    const provider = await ports.provider(target);
    const switches = new Map(Object.entries(provider.killSwitches ?? {}));
    const one = switches.get(name);
    if (one !== undefined) return { provider, one };
    const there = switches.size === 0 ? 'none' : [...switches.keys()].join(', ');
    throw new KeybatonError(
      'NOT_FOUND',
      `target ${target} (${provider.name}) has no such kill switch: it has ${there}`,
    );
  }

  return {
    async of(target) {
      const { killSwitches = {} } = await ports.provider(target);
      return Object.entries(killSwitches).map(([name, one]) => named(name, one));
    },
    async look(target, name) {
      const { provider, one } = await found(target, name);
      const { pulled, keys } = await one.reach(call());
      return {
        ...named(name, one),
        pulled,
        keys: keys.map(({ ref, hint, tag }) => ({
          id: ref.id,
          hint: hint ?? null,
          version: tag?.installation === provider.installation ? tag.version : null,
        })),
      };
    },
    async pull(target, name) {
      await (await found(target, name)).one.pull(call());
    },
  };
}

const named = (name: string, { kills, undo }: BoundKillSwitch): SwitchName => ({ name, kills, undo: undo ?? null });
