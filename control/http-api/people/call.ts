import { KeybatonError } from '../../../domain/errors.ts';
import type { Allowed, People } from '../../access/people.ts';
import type { Principal } from '../../access/principal.ts';
import { grantsFor, nothingThere, reachesAll, seesEntry } from '../../access/roles.ts';
import type { Caller, Operation, OperationPorts } from '../../operations/operation.ts';
import { read } from '../bodies.ts';

export interface Asked {
  readonly operation: Operation;
  readonly input: unknown;
  readonly principal: Principal;
  readonly people: People;
  readonly ports: OperationPorts;
}

/** Reads the input, asks whether they may, does it, and records it. */
export async function call({ operation, input, principal, people, ports }: Asked): Promise<unknown> {
  const meant = read(operation.input, input);
  let allowed: Allowed | undefined;
  try {
    const reach = await operation.reach(ports, meant);
    allowed = await people.authorise({ principal, operation, reach, input: meant, ports });
  } catch (thrown) {
    throw await refused({ operation, principal, people }, thrown);
  }
  try {
    const counted = grantsFor(operation.name, principal.grants);
    const sees: Caller['sees'] = (scope) => seesEntry(counted, scope);
    const { epoch } = allowed ?? {};
    const only = epoch === undefined ? {} : { epoch };
    const answer = await operation.run(ports, meant, { actor: principal.actor, sees, principal, ...only });
    await allowed?.ended({ answer });
    if (operation.effect !== 'read')
      await people.record({ principal, operation: operation.name, outcome: 'done', why: null });
    return answer;
  } catch (thrown) {
    await allowed?.ended({ thrown });
    if (operation.effect !== 'read')
      await people.record({ principal, operation: operation.name, outcome: 'failed', why: codeText(thrown) });
    throw thrown;
  }
}

/** For what was done before and is told again: whoever may no longer do it is refused, as if they asked anew. */
export async function stillMay({ operation, input, principal, people, ports }: Asked): Promise<void> {
  try {
    const reach = await operation.reach(ports, read(operation.input, input));
    await people.mayStill({ principal, operation, reach });
  } catch (thrown) {
    throw await refused({ operation, principal, people }, thrown);
  }
}

/** Records it, and answers what they are told. */
async function refused(
  { operation, principal, people }: Pick<Asked, 'operation' | 'principal' | 'people'>,
  thrown: unknown,
): Promise<unknown> {
  await people.record({ principal, operation: operation.name, outcome: 'refused', why: codeText(thrown) });
  // What does not exist and what is another team's are told in the same words.
  return codeText(thrown) === 'NOT_FOUND' && !reachesAll(principal.grants) ? nothingThere() : thrown;
}

const codeText = (thrown: unknown): string => (thrown instanceof KeybatonError ? thrown.code : 'UNAVAILABLE');
