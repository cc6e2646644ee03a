import { countTyped } from '../../domain/incident.ts';
import { codeOf, KeybatonError } from '../../domain/errors.ts';
import type { KillAllowance } from './kill-allowance.ts';
import type { Allowed } from './people.ts';
import type { Principal } from './principal.ts';
import type { Meant } from './two-people.ts';

/** What dies by it, by names that are counted once each; empty for what kills nothing. */
function killedBy({ operation, input, reach }: Meant): readonly string[] {
  if (operation === 'emergency' || operation === 'emergency-leaked')
    return reach.kind === 'entries'
      ? reach.entries.map(({ credential }, index) => credential ?? `credential ${String(index)}`)
      : [];
  if (operation !== 'kill-switch-pull') return [];
  const said = input as { readonly target: string; readonly switch: string; readonly count: number };
  // What a switch ends is known by number alone.
  return Array.from({ length: said.count }, (_, index) => `${said.target}/${said.switch} key ${String(index)}`);
}

export interface AloneInput {
  readonly kills: KillAllowance;
  readonly principal: Principal;
  readonly meant: Meant;
  readonly now: number;
}

export type Alone =
  | { readonly why: string; readonly allowed: undefined }
  /** Counted, where there was anything to count. */
  | { readonly why: undefined; readonly allowed: Allowed | undefined };

/**
 * May one hand kill these too, after all that it has killed within the window? `why` two people must agree otherwise.
 * INVALID_CONFIG where the count was not typed: whoever kills many says how many.
 */
export async function killsAlone({ kills, principal, meant, now }: AloneInput): Promise<Alone> {
  const killed = killedBy(meant);
  if (killed.length === 0) return { why: undefined, allowed: undefined };
  const hand = principal.hand ?? principal.person ?? principal.actor;
  const { alone, before, giveBack } = await kills.take({ hand, killed, now });
  if (!alone) {
    const why = `with the ${String(before)} of the last hour it kills more than ${String(countTyped)} keys`;
    // Whoever shows the value itself knows which key it is.
    const said = (meant.input as { readonly count?: unknown }).count !== undefined;
    if (said || meant.operation === 'emergency-leaked') return { why, allowed: undefined };
    throw new KeybatonError('INVALID_CONFIG', `${why}: look at them with a dry run, then say how many (count)`);
  }
  return {
    why: undefined,
    allowed: {
      async ended(how) {
        if (nothingDied(how)) await giveBack();
      },
    },
  };
}

/** Whatever else was thrown, the kill may have begun. */
function nothingDied(how: Parameters<Allowed['ended']>[0]): boolean {
  if ('thrown' in how) return ['INVALID_CONFIG', 'UNSUPPORTED'].includes(codeOf(how.thrown));
  const { answer } = how;
  return typeof answer === 'object' && answer !== null && 'kind' in answer && answer.kind === 'dead already';
}
