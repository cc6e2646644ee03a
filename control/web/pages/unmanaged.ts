import type { FastifyInstance } from 'fastify';
import { unmanagedOperation } from '../../operations/table/unmanaged.ts';
import { html } from '../html.ts';
import { table } from '../table.ts';
import type { Answer, Desk } from '../web.ts';
import { show } from '../web.ts';
import { ago, counted, mark } from '../words.ts';

type Key = Answer<typeof unmanagedOperation>['keys'][number];

/** What lives at our targets and is none of our versions. Looking only: keybaton never kills what it did not make. */
export function unmanagedRoutes(app: FastifyInstance, desk: Desk): void {
  app.get('/unmanaged', async (request, reply) => {
    const { keys, now } = await desk.look(request, unmanagedOperation, {});
    return show(request, reply, {
      title: 'Unmanaged keys',
      at: '/unmanaged',
      body: [
        html`<p>
          Live keys that no version of ours explains, as the last sweep of each target saw them. keybaton kills none
          that it did not make: bring one in with <code>keybaton reconcile --adopt</code>, or say with
          <code>keybaton reconcile --target NAME --ignore KEY --why "..."</code> that it is nobody's business.
        </p>`,
        table(
          counted(keys.length, 'key'),
          [
            { heading: 'Key', cell: ({ ref }: Key) => html`<code>${ref.id}</code>` },
            { heading: 'Target', cell: ({ target }) => target },
            { heading: 'Is', cell: standing },
            { heading: 'First seen', cell: ({ firstAt }) => ago(firstAt, now, '') },
            { heading: 'Last seen', cell: ({ lastAt }) => ago(lastAt, now, '') },
          ],
          keys,
          'no sweep has seen one.',
        ),
      ],
    });
  });
}

function standing({ standing: is, ignoredBy }: Key) {
  if (ignoredBy !== null) return mark('well', `ignored by ${ignoredBy}`);
  return is === 'stray' ? mark('danger', 'stray: made by us, and lost') : mark('trouble', 'unmanaged: never ours');
}
