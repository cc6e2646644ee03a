import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { codeOf, errorTable } from '../../../domain/errors.ts';
import { emergencyLeakedOperation, whoseOperation } from '../../operations/table/emergency.ts';
import { told } from '../../operations/within.ts';
import { blastPart } from '../blast-part.ts';
import type { Blast } from '../blast-part.ts';
import { html } from '../html.ts';
import type { Fragment, Html } from '../html.ts';
import { alert, proofField } from '../layout.ts';
import { field, visitorOf } from '../visitor.ts';
import type { Desk } from '../web.ts';
import { show } from '../web.ts';
import { counted } from '../words.ts';

/** One paste field. The value is compared by its fingerprint and is in no answer, no address and no log. */
export function whoseRoutes(app: FastifyInstance, desk: Desk): void {
  const title = 'Whose is this?';

  app.get('/whose', async (request, reply) =>
    show(request, reply, { title, at: '/whose', body: askForm(visitorOf(request).proof) }),
  );

  app.post('/whose', async (request, reply) => {
    const { proof } = visitorOf(request);
    try {
      const { blast } = await desk.ask(request, whoseOperation, { value: pasted(request) });
      return await show(request, reply, {
        title,
        at: '/whose',
        body: [found(blast, proof), html`<h2>Another one</h2>`, askForm(proof)],
      });
    } catch (thrown) {
      return again(request, reply, thrown);
    }
  });

  app.post('/whose/kill', async (request, reply) => {
    try {
      const count = field(request, 'count').trim();
      const declared = await desk.ask(request, emergencyLeakedOperation, {
        value: pasted(request),
        why: field(request, 'why'),
        ...(count === '' ? {} : { count: Number(count) }),
      });
      if (declared.incident !== null) return await reply.redirect(`/incidents/${declared.incident}`, 303);
      return await show(request, reply, {
        title: 'Nothing to kill',
        body: [html`<p>This key is dead already.</p>`, blastPart(declared.blast)],
      });
    } catch (thrown) {
      return again(request, reply, thrown);
    }
  });

  async function again(request: FastifyRequest, reply: FastifyReply, thrown: unknown): Promise<string> {
    const wrong = alert(html`<p><strong>This did not go through.</strong> ${told(thrown)}</p>`);
    const body = [wrong, askForm(visitorOf(request).proof)];
    return show(request, reply.code(errorTable[codeOf(thrown)].status), { title, at: '/whose', body });
  }
}

/** What a paste brings along at its ends is no part of it. */
const pasted = (request: FastifyRequest): string => field(request, 'value').trim();

const valueField = (): Html =>
  html`<label
    >The leaked value
    <span class="hint" id="value-hint">It is compared by its fingerprint, and kept nowhere.</span>
    <input type="password" name="value" required autocomplete="off" spellcheck="false" aria-describedby="value-hint" />
  </label>`;

const askForm = (proof: string): Html =>
  html`<form class="stack" method="post" action="/whose" autocomplete="off">
    ${proofField(proof)} ${valueField()}
    <div><button>Whose is this?</button></div>
  </form>`;

function found(blast: Blast, proof: string): Fragment {
  const { keys, deadAlready } = blast;
  if (keys.length + deadAlready.length === 0)
    return [html`<p><strong>Nobody known here has this value.</strong></p>`, blastPart(blast)];
  return [
    blastPart(blast),
    keys.length > 0 &&
      html`<form class="stack" method="post" action="/whose/kill" autocomplete="off">
        <h2>Kill ${counted(keys.length, 'key')}</h2>
        ${proofField(proof)} ${valueField()}
        <p class="hint">Paste it once more: it was not kept.</p>
        <label>Why, for the record <input name="why" required maxlength="1000" autocomplete="off" /></label>
        ${
          blast.mustCount &&
          html`<label
            >How many keys does this kill? <input name="count" required inputmode="numeric" autocomplete="off"
          /></label>`
        }
        <button class="red">Kill this key now</button>
      </form>`,
  ];
}
