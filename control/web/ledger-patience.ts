import type { FastifyRequest } from 'fastify';
import { codeOf, KeybatonError } from '../../domain/errors.ts';
import type { Operation, OperationPorts } from '../operations/operation.ts';
import { told, within } from '../operations/within.ts';

/** Milliseconds that one question to the ledger may keep a page waiting. */
export interface LedgerPatience {
  /** What is only looked at, and whatever kills. */
  readonly look: number;
  /** What is to be written: longer, since whoever asked would not know what became of it. */
  readonly change: number;
  /** Either of them, while the ledger has missed a question within the last `remembered`. */
  readonly again: number;
  readonly remembered: number;
}

export const ledgerPatience: LedgerPatience = { look: 1_500, change: 8_000, again: 400, remembered: 15_000 };

type Ask = <Value>(question: () => Promise<Value>, opening?: boolean) => Promise<Value>;

const troubles = new WeakMap<FastifyRequest, string>();

/** Why the ledger did not answer in this request; undefined: it did, or was not asked. */
export const ledgerTrouble = (request: FastifyRequest): string | undefined => troubles.get(request);

/**
 * Ports whose ledger is waited for once in a request: after the first question that it misses, every other one of that
 * request fails at once, so that a page made of ten questions is as late as one.
 */
export function patientPorts(
  ports: OperationPorts,
  patience: LedgerPatience = ledgerPatience,
): (request: FastifyRequest, operation: Pick<Operation, 'name' | 'effect'>) => OperationPorts {
  let missedAt = -Infinity;

  return (request, operation) => {
    const urgent = operation.effect === 'read' || /^(emergency|incident)/.test(operation.name);
    const ask: Ask = async (question, opening = false) => {
      const known = troubles.get(request);
      if (known !== undefined) throw new KeybatonError('UNAVAILABLE', known);
      const longest = urgent ? patience.look : patience.change;
      const lately = performance.now() - missedAt < patience.remembered;
      try {
        const answer = await within('the ledger', lately ? Math.min(longest, patience.again) : longest, question());
        // That it was open before says nothing of whether it answers now.
        if (lately && !opening) missedAt = -Infinity;
        return answer;
      } catch (thrown) {
        if (codeOf(thrown) === 'UNAVAILABLE') {
          missedAt = performance.now();
          troubles.set(request, told(thrown));
        }
        throw thrown;
      }
    };
    return {
      ...ports,
      async ports() {
        // Open ports reach the workers too, whatever the ledger behind them does.
        const open = troubles.has(request)
          ? await within('the ledger', patience.again, ports.ports())
          : await ask(() => ports.ports(), true);
        return { ...open, ledger: asking(open.ledger, ask) };
      },
      async incidentPorts() {
        const open = await ports.incidentPorts();
        return { ...open, ledger: async () => asking(await ask(() => open.ledger(), true), ask) };
      },
    };
  };
}

/** The same ledger, each of whose questions goes through `ask`. */
function asking<Ledger extends object>(ledger: Ledger, ask: Ask): Ledger {
  return new Proxy(ledger, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof member !== 'function') return member;
      // What a member answers is its own business: it goes back as it came.
      return (...said: unknown[]): unknown => ask(async () => Reflect.apply(member, target, said) as Promise<unknown>);
    },
  });
}
