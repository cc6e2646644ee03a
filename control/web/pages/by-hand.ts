import type { FastifyInstance } from 'fastify';
import { byHandOperation } from '../../operations/table/kill-switch.ts';
import { credentialOf, credentialPath } from '../credential-path.ts';
import { html } from '../html.ts';
import type { Desk } from '../web.ts';
import { show } from '../web.ts';
import { credentialLink, troubleList } from '../words.ts';

/** How a person kills the keys of one credential with no keybaton at all. Needs no ledger. */
export function byHandRoutes(app: FastifyInstance, desk: Desk): void {
  app.get(`${credentialPath}/by-hand`, async (request, reply) => {
    const credential = credentialOf(request);
    const { keys, source, troubles } = await desk.look(request, byHandOperation, { credential });
    return show(request, reply, {
      title: 'Kill it by hand',
      at: '/',
      body: [
        html`<p>${credentialLink(credential)}, from the ${source}.</p>`,
        troubleList(troubles),
        html`<p>
          keybaton goes on asking the provider, and counts a key as dead when it is refused: nothing has to be reported
          here.
        </p>`,
        keys.length === 0 && html`<p class="empty">It has no key that may live.</p>`,
        keys.map(
          ({ version, target, fate, text }) =>
            html`<h2><code>${version}</code></h2>
              <p>${fate}, at ${target}</p>
              <pre>${text.join('\n')}</pre>`,
        ),
      ],
    });
  });
}
