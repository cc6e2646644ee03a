import type { CredentialId } from '../../domain/identifiers.ts';
import type { Step } from '../../domain/rotation.ts';
import type { Ledger, LedgerEvent } from '../../ledger/ledger.ts';

const stepOfKind: Readonly<Record<string, Step>> = {
  'rotation.started': 'preflight',
  'intent.made': 'issuing',
  'version.issued': 'verifying',
  'promotion.decided': 'promoting',
  'promotion.shown': 'confirming',
  'version.suspended': 'soaking',
  'revoke.authorised': 'revoking',
  'version.dead': 'destroying',
  'rotation.ended': 'done',
};

/** The step that an event begins, so that steps too short to be asked for are seen too. */
export function stepOf(event: LedgerEvent): Step | undefined {
  // Of the intents only this one begins a step; the others are made inside of theirs.
  if (event.kind === 'intent.made' && event.body['effect'] !== 'issue') return undefined;
  return stepOfKind[event.kind];
}

/** Every event of a credential after `n`, oldest first, all pages. */
export async function eventsAfter(
  ledger: Pick<Ledger, 'history'>,
  credential: CredentialId | undefined,
  n: number,
): Promise<readonly LedgerEvent[]> {
  const limit = 500;
  const events: LedgerEvent[] = [];
  for (let afterN = n; ;) {
    const page = await ledger.history({ ...(credential === undefined ? {} : { credential }), afterN, limit });
    events.push(...page);
    const last = page.at(-1);
    if (last === undefined || page.length < limit) return events;
    afterN = last.n;
  }
}
