import { KeybatonError } from '../../domain/errors.ts';
import type { Agenda } from './agenda.ts';
import type { Chance } from './chance.ts';
import type { Life } from './attempts.ts';

/** Operations that are pure: nobody can stand still in them. */
const immediate = new Set(['generate', 'traits', 'killByHand']);

export interface Line {
  readonly agenda: Agenda;
  readonly chance: Chance;
  readonly life: Life;
  /** Longest way there and back, in milliseconds. */
  readonly latency: number;
  /** Until this moment nothing gets through. */
  readonly downUntil: () => number;
  /** How much later than its sender believes a message of this kind arrives; undefined: in time. Asked once per call. */
  readonly late?: (operation: string) => number | undefined;
  /** Does it still arrive then? */
  readonly arrives?: (operation: string, given: readonly unknown[]) => boolean;
  /** Called at the moment of the effect, before it happens. */
  readonly effect?: (operation: string, given: readonly unknown[]) => void;
}

/**
 * An adapter at the other end of a line. Whoever was killed sends nothing any more and hears no answer; whoever stands
 * still goes on later, with what it held in its hands.
 */
export function overLine<Adapter extends object>(adapter: Adapter, line: Line): Adapter {
  return new Proxy(adapter, {
    get(target, property) {
      const found: unknown = Reflect.get(target, property);
      if (typeof found !== 'function' || typeof property !== 'string' || immediate.has(property)) return found;
      return async (...given: unknown[]): Promise<unknown> => {
        await awake(line);
        await travel(line);
        if (line.agenda.now() < line.downUntil()) throw new KeybatonError('UNAVAILABLE', 'it does not answer');
        const late = line.late?.(property);
        if (late !== undefined) return overtaken(target, found, property, given, line, late);
        line.effect?.(property, given);
        const answer: unknown = await Reflect.apply(found, target, given);
        await travel(line);
        return answer;
      };
    },
  });
}

/** Sent in time, and given up by its sender; it takes effect all the same. */
async function overtaken(
  target: object,
  found: Parameters<typeof Reflect.apply>[0],
  property: string,
  given: readonly unknown[],
  line: Line,
  late: number,
): Promise<never> {
  // By the contracts of both kinds of adapter the call comes last.
  const call = given.at(-1) as { readonly deadline: number };
  const sent = [...given.slice(0, -1), { ...call, deadline: Number.POSITIVE_INFINITY, signal: never }];
  line.agenda.at(line.agenda.now() + late, `${property}, late`, async () => {
    if (line.arrives?.(property, given) === false) return;
    line.effect?.(property, given);
    // Refused by what stands there by then: nobody hears of it.
    await Promise.resolve(Reflect.apply(found, target, sent)).catch(() => undefined);
  });
  await line.agenda.sleep(call.deadline - line.agenda.now());
  await awake(line);
  throw new KeybatonError('AMBIGUOUS', 'it does not answer in time');
}

const { signal: never } = new AbortController();

async function travel(line: Line): Promise<void> {
  // Every other way is too short to be killed or stopped on.
  if (line.latency > 0 && line.chance.oneIn(2)) await line.agenda.sleep(line.chance.between(1, line.latency));
  await awake(line);
}

/** Never, for the dead. */
async function awake({ life, agenda }: Line): Promise<void> {
  if (life.dead) await new Promise<never>(() => undefined);
  while (agenda.now() < life.frozenUntil) await agenda.sleep(life.frozenUntil - agenda.now());
  if (life.dead) await new Promise<never>(() => undefined);
}
