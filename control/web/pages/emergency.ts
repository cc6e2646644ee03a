import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { codeOf, errorTable, KeybatonError } from '../../../domain/errors.ts';
import { emergencyDryRunOperation, emergencyOperation } from '../../operations/table/emergency.ts';
import { told } from '../../operations/within.ts';
import { blastDetails, blastPart, blastSummary } from '../blast-part.ts';
import type { Blast } from '../blast-part.ts';
import { html } from '../html.ts';
import type { Fragment, Html } from '../html.ts';
import { alert, proofField } from '../layout.ts';
import { asked, field, visitorOf } from '../visitor.ts';
import type { Desk } from '../web.ts';
import { show } from '../web.ts';
import { counted } from '../words.ts';

const narrowing = [
  ['provider', 'Provider'],
  ['team', 'Team'],
  ['environment', 'Environment'],
  ['group', 'Group'],
  ['backend', 'Backend'],
  ['leakSource', 'Everything this consumer reads'],
] as const;

interface Scope {
  /** As typed. */
  readonly credentials: string;
  readonly narrowed: Readonly<Record<string, string>>;
}

/** The one red button: first what it would kill, then the reason, then the kill. None of it needs the ledger. */
export function emergencyRoutes(app: FastifyInstance, desk: Desk): void {
  app.get('/emergency', async (request, reply) => {
    const scope = scopeOf((name) => asked(request, name));
    if (isEmpty(scope)) return show(request, reply, { title: 'Emergency', body: scopeForm(scope, true) });
    return look(request, reply, scope, null);
  });

  app.post('/emergency', async (request, reply) => {
    const scope = scopeOf((name) => field(request, name));
    try {
      if (isEmpty(scope)) throw new KeybatonError('INVALID_CONFIG', 'say what is to be killed');
      const count = field(request, 'count').trim();
      const declared = await desk.ask(request, emergencyOperation, {
        ...inputOf(scope),
        why: field(request, 'why'),
        ...(count === '' ? {} : { count: Number(count) }),
      });
      if (declared.incident !== null) return await reply.redirect(`/incidents/${declared.incident}`, 303);
      return await show(request, reply, {
        title: 'Nothing to kill',
        body: [html`<p>Everything this names is dead already.</p>`, blastPart(declared.blast)],
      });
    } catch (thrown) {
      const { status } = errorTable[codeOf(thrown)];
      return look(
        request,
        reply.code(status),
        scope,
        alert(html`<p><strong>This did not go through.</strong> ${told(thrown)}</p>`),
      );
    }
  });

  async function look(request: FastifyRequest, reply: FastifyReply, scope: Scope, wrong: Fragment): Promise<string> {
    try {
      const { blast: meant } = await desk.ask(request, emergencyDryRunOperation, inputOf(scope));
      // Few keys too may be too many for one person within the hour: then the count is typed.
      const blast = { ...meant, mustCount: meant.mustCount || wrong !== null };
      return await show(request, reply, {
        title: 'Look before you kill',
        body: [
          wrong,
          blastSummary(blast),
          blast.keys.length > 0 && killForm(scope, blast, visitorOf(request).proof, field(request, 'why')),
          blastDetails(blast),
          html`<details>
            <summary>Something else</summary>
            ${scopeForm(scope, false)}
          </details>`,
        ],
      });
    } catch (thrown) {
      return show(request, reply.code(errorTable[codeOf(thrown)].status), {
        title: 'Emergency',
        body: [wrong ?? alert(html`<p>${told(thrown)}</p>`), scopeForm(scope, true)],
      });
    }
  }
}

const scopeOf = (said: (name: string) => string): Scope => ({
  credentials: said('credentials').trim(),
  narrowed: Object.fromEntries(
    narrowing.map(([name]) => [name, said(name).trim()] as const).filter(([, text]) => text !== ''),
  ),
});

const isEmpty = ({ credentials, narrowed }: Scope): boolean => credentials === '' && Object.keys(narrowed).length === 0;

/** Names alone, checked by the operation. */
const inputOf = ({ credentials, narrowed }: Scope) => ({
  credentials: credentials.split(/[\s,]+/).filter((one) => one !== ''),
  ...narrowed,
});

const scopeForm = ({ credentials, narrowed }: Scope, open: boolean): Html =>
  html`<form class="stack" method="get" action="/emergency" autocomplete="off">
    <p>
      What has leaked? Several answers narrow each other; several credentials add up. Nothing dies yet: you see first
      what would. With the leaked value at hand, <a href="/whose">ask whose it is</a>.
    </p>
    <label
      >Credentials
      <span class="hint" id="credentials-hint">provider/environment/application, one a line</span>
      <textarea name="credentials" rows="2" aria-describedby="credentials-hint" spellcheck="false">
${credentials}</textarea>
    </label>
    <details ${(!open || Object.keys(narrowed).length > 0) && html`open`}>
      <summary>Or everything of one kind</summary>
      ${narrowing.map(
        ([name, label]) =>
          html`<label>${label} <input name="${name}" value="${narrowed[name] ?? ''}" autocomplete="off" /></label>`,
      )}
    </details>
    <div><button>Show what would die</button></div>
  </form>`;

function killForm(scope: Scope, { keys, mustCount }: Blast, proof: string, why: string): Html {
  const keysText = counted(keys.length, 'key');
  return html`<form class="stack" method="post" action="/emergency" autocomplete="off">
    ${proofField(proof)}
    <input type="hidden" name="credentials" value="${scope.credentials}" />
    ${Object.entries(scope.narrowed).map(([name, text]) => html`<input type="hidden" name="${name}" value="${text}" />`)}
    <h2>Kill ${keysText}</h2>
    <label
      >Why, for the record
      <span class="hint" id="why-hint">Never a secret.</span>
      <input name="why" required maxlength="1000" value="${why}" aria-describedby="why-hint" autocomplete="off" />
    </label>
    ${
      mustCount &&
      html`<label
        >How many keys does this kill?
        <span class="hint" id="count-hint">Type the number that stands above.</span>
        <input
          name="count"
          required
          inputmode="numeric"
          pattern="[0-9]+"
          aria-describedby="count-hint"
          autocomplete="off"
        />
      </label>`
    }
    <button class="red">Kill ${keysText} now</button>
  </form>`;
}
