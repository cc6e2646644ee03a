import { codeOf } from '../../domain/errors.ts';
import type { ControlPorts, Finding } from '../ports.ts';

/**
 * Temporal, ledger, every backend by a canary, every admin credential and its least privilege, clock skew. That it was
 * asked is noted in the ledger; a ledger that cannot take the note is a finding of its own.
 */
export async function doctor(
  { checks, ledger }: Pick<ControlPorts, 'checks' | 'ledger'>,
  { actor }: { readonly actor: string },
): Promise<readonly Finding[]> {
  const findings = await checks.doctor();
  const failures = findings.filter(({ verdict }) => verdict === 'failure').length;
  try {
    await ledger.note({ kind: 'doctor.ran', actor, body: { findings: findings.length, failures } });
    return findings;
  } catch (thrown) {
    const text = `the ledger does not take a note (${codeOf(thrown)})`;
    return [
      ...findings,
      {
        subject: 'ledger',
        verdict: 'failure',
        text,
        remedy: 'make room on its disk, or end the process that locks it',
      },
    ];
  }
}
