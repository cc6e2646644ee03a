import type { FastifyRequest } from 'fastify';
import { codeOf } from '../../domain/errors.ts';
import { approvalListOperation, reviewListOperation } from '../operations/table/agree.ts';
import type { Operation, Reach } from '../operations/operation.ts';
import { may } from './may.ts';
import type { Desk } from './web.ts';

/** How many wait for a person; undefined: this visitor has nothing to do with it; `null`: it cannot be told. */
export interface Waiting {
  readonly approvals: number | null | undefined;
  readonly reviews: number | null | undefined;
}

const counting = new WeakMap<FastifyRequest, () => Promise<Waiting>>();

/** What the navigation of this request's page says is waiting: from files alone. */
export function countFor(request: FastifyRequest, desk: Desk): void {
  const count = async (operation: Operation, reach: Reach, list: () => Promise<readonly unknown[]>) => {
    if (!may(request, operation, reach)) return undefined;
    try {
      return (await list()).length;
    } catch (thrown) {
      // Where nobody signs in through the access file there is nothing to agree to.
      return codeOf(thrown) === 'UNSUPPORTED' ? undefined : null;
    }
  };
  counting.set(request, async () => ({
    approvals: await count(approvalListOperation, { kind: 'what the caller sees' }, async () => {
      const { approvals } = await desk.look(request, approvalListOperation, {});
      return approvals;
    }),
    reviews: await count(reviewListOperation, { kind: 'installation' }, async () => {
      const { reviews } = await desk.look(request, reviewListOperation, { open: true });
      return reviews;
    }),
  }));
}

export const waitingIn = (request: FastifyRequest): Promise<Waiting | undefined> =>
  counting.get(request)?.() ?? Promise.resolve(undefined);
