import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { CredentialId } from '../../../domain/identifiers.ts';
import { historyOperation } from '../../operations/table/history.ts';
import { showOperation } from '../../operations/table/show.ts';
import { statusOperation } from '../../operations/table/status.ts';
import { credentialOf, credentialPath } from '../credential-path.ts';
import { consumerTable, dependence, entryList, timeline, versionTable } from '../credential-parts.ts';
import { doings } from '../doings.ts';
import type { Known } from '../doings.ts';
import { html } from '../html.ts';
import type { Fragment } from '../html.ts';
import { knownPart, orKnown } from '../known-part.ts';
import { live } from '../live.ts';
import { standing } from '../standing.ts';
import { commandsPart, statusPart } from '../status-part.ts';
import { asked } from '../visitor.ts';
import type { Desk } from '../web.ts';
import { send, show } from '../web.ts';
import { incidentLink } from '../words.ts';
import { offeredTo } from './doing.ts';

const shown = 50;

/** One credential: where it stands, its versions, who uses it with which proof, what happened, and what can be done. */
export function credentialRoutes(app: FastifyInstance, desk: Desk): void {
  app.get(credentialPath, async (request, reply) => {
    const credential = credentialOf(request);
    const full = async (): Promise<Fragment> => {
      const [view, status, { events }] = await Promise.all([
        desk.look(request, showOperation, { credential }),
        desk.look(request, statusOperation, { credential }),
        desk.look(request, historyOperation, { credential, limit: shown }),
      ]);
      const did = asked(request, 'did');
      return [
        Object.hasOwn(doings, did) && html`<p role="status"><strong>Done:</strong> ${doings[did]?.done}.</p>`,
        html`<p>${standing(view.summary)}</p>`,
        view.incidents.length > 0 &&
          html`<p>Open emergency: ${view.incidents.map((one) => [incidentLink(one), ' '])}</p>`,
        live(`/credentials/${credential}/live`, 5, statusPart(status)),
        doing(request, credential, { view, status }),
        commandsPart(status),
        html`<h2>Versions</h2>`,
        versionTable(view),
        html`<h2>Consumers</h2>`,
        consumerTable(view),
        html`<h2>What depends on it</h2>`,
        dependence(view),
        html`<h2>Timeline</h2>`,
        timeline(events, view.now),
        html`<h2>As the inventory says</h2>`,
        entryList(view),
      ];
    };
    const body = await orKnown(full, () => knownPart(request, desk, credential));
    return show(request, reply, { title: credential, at: '/', body });
  });

  app.get(`${credentialPath}/live`, async (request, reply) =>
    send(reply, statusPart(await desk.look(request, statusOperation, { credential: credentialOf(request) }))),
  );
}

function doing(request: FastifyRequest, credential: CredentialId, known: Known): Fragment {
  const offered = offeredTo(request, known);
  return html`<h2 id="do">What can be done</h2>
    <div class="buttons">
      ${offered.map(
        ([name, { button, danger }]) =>
          html`<a class="button ${danger === true && 'dangerous'}" href="/credentials/${credential}/${name}"
            >${button}</a
          >`,
      )}
      <a class="red" href="/emergency?credentials=${encodeURIComponent(credential)}">It has leaked: kill it</a>
    </div>`;
}
