import type { FastifyRequest } from 'fastify';
import { codeOf } from '../../domain/errors.ts';
import { html } from './html.ts';
import type { Fragment } from './html.ts';
import { knownOperation } from './known.ts';
import { table } from './table.ts';
import type { Answer, Desk } from './web.ts';
import { counted, exactly, listed, mark, partsOf } from './words.ts';

export type Known = Answer<typeof knownOperation>['credentials'][number];

/** What a page shows in the place of `full`, which asks the ledger, when that does not answer. */
export async function orKnown<Full, Instead>(
  full: () => Promise<Full>,
  instead: () => Promise<Instead>,
): Promise<Full | Instead> {
  try {
    return await full();
  } catch (thrown) {
    if (codeOf(thrown) !== 'UNAVAILABLE') throw thrown;
    try {
      return await instead();
    } catch {
      // What is worth telling is why the ledger did not answer.
      throw thrown;
    }
  }
}

/** Everything the kill sheet knows of what this visitor sees. */
export async function knownPart(request: FastifyRequest, desk: Desk, credential?: string): Promise<Fragment> {
  const { credentials, at } = await desk.look(request, knownOperation, credential === undefined ? {} : { credential });
  return [
    table(
      `${counted(credentials.length, 'secret')} of the kill sheet`,
      [
        {
          heading: 'Secret',
          cell: ({ id }: Known) => html`<a href="/credentials/${id}">${partsOf(id).application}</a>`,
        },
        { heading: 'Service', cell: ({ id }) => partsOf(id).provider },
        { heading: 'Environment', cell: ({ environment }) => environment },
        { heading: 'Team', cell: ({ team }) => team },
        { heading: 'Target', cell: ({ target }) => target },
        {
          heading: 'Consumers',
          cell: ({ consumers }) =>
            consumers === null ? html`<span class="none">not known</span>` : listed(consumers, 'none'),
        },
        { heading: 'Versions', cell: versions },
        {
          heading: 'Rotation',
          cell: ({ step }) => (step === null ? html`<span class="none">not known</span>` : mark('busy', step)),
        },
        {
          heading: 'If it leaked',
          cell: ({ id }) => html`<a href="/emergency?credentials=${encodeURIComponent(id)}">kill it</a>`,
        },
      ],
      credentials,
      'it names nothing that you may see.',
    ),
    html`<p class="hint">
      The kill sheet is of ${exactly(at)}. Due dates, evidence and the timeline are in the ledger alone.
    </p>`,
  ];
}

const versions = ({ versions: known }: Known): Fragment =>
  known.map(
    ({ id, fate, compromised, onlyByHand }) =>
      html`<div>
        <code>${id}</code> ${fate} ${compromised && mark('danger', 'compromised')}
        ${onlyByHand && mark('danger', 'only a person can kill it')}
      </div>`,
  );
