import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isCredentialId } from '../../../domain/identifiers.ts';
import { KeybatonError } from '../../../domain/errors.ts';
import { grantsFor } from '../../access/roles.ts';
import {
  approvalGiveOperation,
  approvalListOperation,
  approvalWithdrawOperation,
} from '../../operations/table/agree.ts';
import { emergencyOperation } from '../../operations/table/emergency.ts';
import { waiveOperation } from '../../operations/table/consent.ts';
import { releaseOperation } from '../../operations/table/release.ts';
import type { Operation } from '../../operations/operation.ts';
import type { Approval } from '../approval-note.ts';
import { html } from '../html.ts';
import type { Fragment, Html } from '../html.ts';
import { proofField } from '../layout.ts';
import { asked, visitorOf } from '../visitor.ts';
import type { Visitor } from '../visitor.ts';
import type { Desk } from '../web.ts';
import { show } from '../web.ts';
import { ago, counted, credentialLink, exactly, mark } from '../words.ts';

/** What can be done from here once two have agreed: its whole input stands in the question. */
const carried: Readonly<Record<string, Operation>> = Object.fromEntries(
  [releaseOperation, waiveOperation, emergencyOperation].map((one) => [one.name, one]),
);

const done: Readonly<Record<string, string>> = {
  agree: 'you have agreed; whoever asked can do it now',
  refuse: 'the question is ended, and nothing was done',
};

/** What waits for a second person: who asks for what, until when. From files: works without the ledger. */
export function approvalRoutes(app: FastifyInstance, desk: Desk): void {
  app.get('/approvals', async (request, reply) => {
    const { approvals } = await desk.look(request, approvalListOperation, {});
    const did = asked(request, 'did');
    return show(request, reply, {
      title: 'Approvals',
      at: '/approvals',
      body: [
        Object.hasOwn(done, did) && html`<p role="status"><strong>Done:</strong> ${done[did]}.</p>`,
        html`<p>What lets something live, is believed unproved, or kills very many takes two people.</p>`,
        approvals.length === 0
          ? html`<p class="empty">Nothing waits for a second person.</p>`
          : approvals.map((one) => question(one, visitorOf(request))),
      ],
    });
  });

  app.post('/approvals/:id/agree', async (request, reply) => {
    const one = await found(request, desk);
    if (one.askedBy === visitorOf(request).principal.actor)
      throw new KeybatonError('ACCESS_DENIED', 'you have asked for this yourself: another person must agree to it');
    await desk.ask(request, approvalGiveOperation, { id: one.id });
    return reply.redirect('/approvals?did=agree', 303);
  });

  app.post('/approvals/:id/refuse', async (request, reply) => {
    await desk.ask(request, approvalWithdrawOperation, { id: (await found(request, desk)).id });
    return reply.redirect('/approvals?did=refuse', 303);
  });

  app.post('/approvals/:id/do', async (request, reply) => {
    const { operation: name, input } = await found(request, desk);
    const operation = Object.hasOwn(carried, name) ? carried[name] : undefined;
    if (operation === undefined || isShortened(input))
      throw new KeybatonError(
        'UNSUPPORTED',
        `do it again where it was asked for: ${name} holds more than is kept here`,
      );
    return reply.redirect(afterwards(name, input, await desk.ask(request, operation, input)), 303);
  });
}

async function found(request: FastifyRequest, desk: Desk): Promise<Approval> {
  // A segment of a matched path is text.
  const id = String((request.params as Readonly<Record<string, unknown>>)['id']);
  const { approvals } = await desk.look(request, approvalListOperation, {});
  const one = approvals.find((each) => each.id === id);
  if (one !== undefined) return one;
  throw new KeybatonError(
    'NOT_FOUND',
    'there is no open approval with this id: it may be used, refused or out of time',
  );
}

const fieldOf = (input: unknown, name: string): unknown =>
  typeof input === 'object' && input !== null ? Object.entries(input).find(([key]) => key === name)?.[1] : undefined;

/** Long texts are kept by their hash alone. */
const isShortened = (input: unknown): boolean => /\(\d+ characters, SHA-256 /.test(JSON.stringify(input ?? null));

function afterwards(name: string, input: unknown, answer: unknown): string {
  const incident = fieldOf(answer, 'incident');
  if (typeof incident === 'string') return `/incidents/${incident}`;
  const credential = String(fieldOf(input, 'credential'));
  const release = fieldOf(input, 'release');
  return isCredentialId(credential)
    ? `/credentials/${credential}?did=${typeof release === 'string' ? `${name}-${release}` : name}`
    : '/incidents';
}

function question(one: Approval, { principal, proof }: Visitor): Html {
  const { id, operation, why, askedBy, askedAt, until, agreed } = one;
  const { actor, person, grants } = principal;
  const now = Date.now();
  const mine = askedBy === actor;
  const iAgreed = agreed.some(({ by }) => by === actor);
  const others = agreed.filter(({ by }) => by !== actor);
  const mayDo = grantsFor(operation, grants).length > 0;
  const mayAgree = mayDo || grants.some(({ role }) => role === 'security');
  const form = (what: string, button: string, style: string): Html =>
    html`<form method="post" action="/approvals/${id}/${what}">
      ${proofField(proof)}<button class="${style}">${button}</button>
    </form>`;
  return html`<section class="card" aria-labelledby="approval-${id}">
    <h2 id="approval-${id}">${operation} ${subject(one.input)}</h2>
    <p class="hint">Approval <code>${id}</code></p>
    <dl>
      <dt>Asked by</dt>
      <dd>${askedBy}${mine && ' (you)'}, ${ago(askedAt, now, '')}</dd>
      ${details(one.input)}
      <dt>Takes two, since</dt>
      <dd>${why}</dd>
      <dt>Until</dt>
      <dd>${ago(until, now, '')} (${exactly(until)})</dd>
      <dt>Agreed</dt>
      <dd>
        ${agreed.length === 0 ? mark('waits', 'nobody yet') : mark('well', agreed.map(({ by }) => by).join(', '))}
      </dd>
    </dl>
    <div class="buttons">
      ${others.length > 0 && mayDo && Object.hasOwn(carried, operation) && form('do', `Do it now: ${operation}`, 'danger')}
      ${mayAgree && !mine && !iAgreed && person !== null && form('agree', 'Agree', '')}
      ${grantsFor(approvalWithdrawOperation.name, grants).length > 0 && form('refuse', mine ? 'Take it back' : 'Refuse', '')}
    </div>
    ${
      mayAgree &&
      !mine &&
      person === null &&
      html`<p class="hint">Only a person agrees, signed in through the identity provider: not a token.</p>`
    }
    ${mine && others.length === 0 && html`<p class="hint">You asked: another person must agree.</p>`}
  </section>`;
}

function subject(input: unknown): Fragment {
  const credential = fieldOf(input, 'credential');
  return typeof credential === 'string' && isCredentialId(credential) && credentialLink(credential);
}

/** Everything that would be done, as it was said. */
const details = (input: unknown): Fragment =>
  typeof input === 'object' &&
  input !== null &&
  Object.entries(input)
    .filter(([key]) => key !== 'credential')
    .map(
      ([key, value]: [string, unknown]) =>
        html`<dt>${key === 'why' ? 'Reason' : key}</dt>
          <dd>${said(value)}</dd>`,
    );

const said = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : Array.isArray(value) && value.length > 20
      ? `${counted(value.length, 'name')}: ${value.slice(0, 20).join(', ')}, ...`
      : Array.isArray(value)
        ? value.join(', ')
        : JSON.stringify(value);
