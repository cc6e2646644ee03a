import type { FastifyRequest } from 'fastify';
import { approvalListOperation } from '../operations/table/agree.ts';
import type { Operation } from '../operations/operation.ts';
import { html } from './html.ts';
import type { Fragment } from './html.ts';
import { visitorOf } from './visitor.ts';
import type { Answer, Desk } from './web.ts';
import { exactly } from './words.ts';

export type Approval = Answer<typeof approvalListOperation>['approvals'][number];

/** What waits for a second person, of what this visitor has asked for; `null`: nothing of this operation. */
export async function waitingFor(
  request: FastifyRequest,
  desk: Desk,
  { name }: Pick<Operation, 'name'>,
  credential?: string,
): Promise<Fragment> {
  const { actor } = visitorOf(request).principal;
  const { approvals } = await desk.look(request, approvalListOperation, {});
  const mine = approvals.findLast(
    ({ operation, askedBy, input }) =>
      operation === name && askedBy === actor && (credential === undefined || isOver(input, credential)),
  );
  if (mine === undefined) return null;
  return html`<div class="note" role="alert">
    <p>
      <strong>Asked for; not done yet.</strong> Approval <code>${mine.id}</code> waits for another person until
      ${exactly(mine.until)}, since ${mine.why}.
    </p>
    <p><a href="/approvals">Send them to Approvals</a>. When they have agreed, you do it there.</p>
  </div>`;
}

const isOver = (input: unknown, credential: string): boolean =>
  typeof input === 'object' && input !== null && 'credential' in input && input.credential === credential;
