export type Leaked = 'old' | 'new' | 'both';

/** One cell of protocol 7's table: where the escalation arrives, what leaked, and where the worker is killed. */
export interface EscalationCell {
  readonly step: 'issuing' | 'verifying' | 'promoting' | 'confirming' | 'soaking' | 'revoking' | 'destroying';
  /** In the middle of the step's effect; undefined: the step has none, and it is killed while it waits. */
  readonly point: string | undefined;
  readonly leaked: Leaked;
  /** In the middle of what the emergency does then, where its way leads there. */
  readonly second: string | undefined;
}

const steps: readonly Pick<EscalationCell, 'step' | 'point'>[] = [
  { step: 'issuing', point: 'provider.issue:after' },
  { step: 'issuing', point: 'backend.stage:before' },
  // The first one asks whether what is current still lives.
  { step: 'verifying', point: 'provider.verify:after#2' },
  { step: 'promoting', point: 'backend.promote:before' },
  { step: 'promoting', point: 'backend.promote:after' },
  { step: 'confirming', point: undefined },
  { step: 'soaking', point: 'provider.suspend:after' },
  { step: 'revoking', point: 'provider.revoke:before' },
  { step: 'revoking', point: 'provider.revoke:after' },
  { step: 'destroying', point: 'backend.destroy:after' },
];

/** What the emergency and the escalated rotation do. */
const seconds: readonly string[] = [
  'provider.revoke:after',
  'provider.list:after',
  'ledger.killFacts:before',
  'ledger.killFacts:after',
  'provider.issue:after',
  'backend.promote:after',
  'ledger.decide:after',
  'backend.describe:after',
  'provider.verify:after',
  'ledger.dead:after',
];

/**
 * Every step, with the second kill at another point for each of them and for each leak. Where nothing can be suspended
 * a soak is waited through, and the worker is killed while it does so.
 */
export function escalationCells(leaked: Leaked, suspends = true): readonly EscalationCell[] {
  const turn = { old: 0, new: 4, both: 7 }[leaked];
  return steps.map((one, index) => ({
    ...one,
    point: one.step === 'soaking' && !suspends ? undefined : one.point,
    leaked,
    second: seconds[(index + turn) % seconds.length],
  }));
}
