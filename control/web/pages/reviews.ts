import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { codeOf, errorTable, KeybatonError } from '../../../domain/errors.ts';
import type { reviewListOperation as ReviewList } from '../../operations/table/agree.ts';
import { reviewCloseOperation, reviewListOperation } from '../../operations/table/agree.ts';
import type { Reach } from '../../operations/operation.ts';
import { told } from '../../operations/within.ts';
import { confirmation } from '../confirm.ts';
import { html } from '../html.ts';
import type { Fragment } from '../html.ts';
import { alert } from '../layout.ts';
import { may, needs } from '../may.ts';
import { table } from '../table.ts';
import { asked, field, visitorOf } from '../visitor.ts';
import type { Answer, Desk } from '../web.ts';
import { show } from '../web.ts';
import { ago, counted, exactly, mark } from '../words.ts';

type Review = Answer<typeof ReviewList>['reviews'][number];

const everything: Reach = { kind: 'installation' };

/** Each time the glass was broken, until somebody has looked at what was done with it. Works without the ledger. */
export function reviewRoutes(app: FastifyInstance, desk: Desk): void {
  app.get('/reviews', async (request, reply) => {
    const { reviews } = await desk.look(request, reviewListOperation, { open: false });
    const open = reviews.filter(({ closed }) => closed === null).toReversed();
    const closed = reviews.filter((one) => one.closed !== null).toReversed();
    const closes = may(request, reviewCloseOperation, everything) && visitorOf(request).principal.person !== null;
    const now = Date.now();
    return show(request, reply, {
      title: 'Reviews',
      at: '/reviews',
      body: [
        asked(request, 'did') === 'close' && html`<p role="status"><strong>Done:</strong> the review is closed.</p>`,
        html`<p>
          A break-glass token does alone what otherwise takes two people. Each use opens a review, which stays open
          until somebody of security has looked at what was done.
        </p>`,
        table(
          `Open: ${counted(open.length, 'review')}`,
          [
            ...columns(now),
            {
              heading: 'What to do',
              cell: ({ id }: Review) =>
                closes
                  ? html`<a class="button" href="/reviews/${id}/close">Close it</a>`
                  : html`<span class="none">a person of security or admin closes it</span>`,
            },
          ],
          open,
          'no broken glass waits for anybody.',
        ),
        closed.length > 0 && [
          html`<h2>Looked at</h2>`,
          table(
            counted(closed.length, 'review'),
            [
              ...columns(now),
              {
                heading: 'Closed',
                cell: ({ closed: end }: Review) => end && [ago(end.at, now, ''), ` by ${end.by}: ${end.why}`],
              },
            ],
            closed,
            '',
          ),
        ],
      ],
    });
  });

  app.get('/reviews/:id/close', async (request, reply) => page(request, reply, desk, null));

  app.post('/reviews/:id/close', async (request, reply) => {
    try {
      await desk.ask(request, reviewCloseOperation, { id: idOf(request), why: field(request, 'why') });
    } catch (thrown) {
      const wrong = alert(html`<p><strong>This was not done.</strong> ${told(thrown)}</p>`);
      return page(request, reply.code(errorTable[codeOf(thrown)].status), desk, wrong);
    }
    return reply.redirect('/reviews?did=close', 303);
  });
}

// A segment of a matched path is text.
const idOf = (request: FastifyRequest): string => String((request.params as Readonly<Record<string, unknown>>)['id']);

const columns = (now: number) =>
  [
    { heading: 'Token', cell: ({ token }: Review): Fragment => token },
    { heading: 'From', cell: ({ address }: Review): Fragment => address },
    { heading: 'Broken', cell: ({ openedAt }: Review): Fragment => [ago(openedAt, now, ''), ' ', exactly(openedAt)] },
    {
      heading: 'Security was told',
      cell: ({ told: heard }: Review): Fragment =>
        heard === true
          ? mark('well', 'yes')
          : mark('trouble', heard === null ? 'not known yet' : 'no: nobody was reached'),
    },
    { heading: 'What was done', cell: uses },
  ] as const;

const uses = ({ uses: known }: Review): Fragment =>
  known.length === 0
    ? html`<span class="none">looked only</span>`
    : known.map(
        ({ at, operation, overrode }) =>
          html`<div>
            ${exactly(at)} ${operation} ${overrode !== null && mark('trouble', `alone, though ${overrode}`)}
          </div>`,
      );

async function page(request: FastifyRequest, reply: FastifyReply, desk: Desk, wrong: Fragment): Promise<string> {
  needs(request, reviewCloseOperation, everything);
  const id = idOf(request);
  const { reviews } = await desk.look(request, reviewListOperation, { open: false });
  const one = reviews.find((each) => each.id === id);
  if (one === undefined) throw new KeybatonError('NOT_FOUND', 'there is no review with this id');
  return show(request, reply, {
    title: 'Close a review',
    at: '/reviews',
    body: [
      wrong,
      table(`Review ${id}`, columns(Date.now()), [one], ''),
      confirmation({
        action: `/reviews/${id}/close`,
        happens: [
          'You say, under your name, that you have looked at everything that was done with this token.',
          'The token still counts: take it out of the access file if it should not.',
        ],
        button: 'Close the review',
        danger: false,
        back: '/reviews',
        why: field(request, 'why'),
        proof: visitorOf(request).proof,
      }),
    ],
  });
}
