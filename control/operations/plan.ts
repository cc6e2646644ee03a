import { dueReason } from '../../domain/due.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import type { ControlPorts, Finding } from '../ports.ts';

export interface PlanView {
  readonly credential: CredentialId;
  /** Why a rotation would start now; `null`: only because somebody asks. */
  readonly due: string | null;
  readonly steps: readonly string[];
  readonly findings: readonly Finding[];
}

/** What a rotation would do, and what would fail now. No side effect. */
export async function plan(
  { ledger, checks }: Pick<ControlPorts, 'ledger' | 'checks'>,
  input: { readonly credential: CredentialId },
): Promise<PlanView> {
  const facts = await ledger.facts(input.credential);
  const { steps, findings } = await checks.plan(input.credential);
  return { credential: input.credential, due: dueReason(facts)?.why ?? null, steps, findings };
}
