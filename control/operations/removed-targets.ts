import type { CredentialId } from '../../domain/identifiers.ts';
import type { Problem } from '../../inventory/problem.ts';
import type { Targets } from '../../inventory/targets.ts';
import type { LedgerPorts } from './ports.ts';

/**
 * What targets.yml may not take away: a target, with its admin credential, that a version which is not proved dead needs in
 * order to be killed, and what such a target is (its provider and environment).
 */
export async function removedTargets(
  { ledger }: LedgerPorts,
  before: Targets,
  after: Targets,
  /** May this credential be named to whoever asks? */
  named: (credential: CredentialId) => boolean,
): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for (const [name, old] of Object.entries(before.targets)) {
    const now = after.targets[name];
    const lost =
      now === undefined
        ? 'is gone'
        : old.provider !== now.provider || old.environment !== now.environment
          ? 'has another provider or environment'
          : undefined;
    if (lost === undefined) continue;
    const living = (await ledger.refsOfTarget(name)).filter(({ dead }) => !dead);
    const first = living[0];
    if (first === undefined) continue;
    problems.push({
      file: 'targets',
      path: now === undefined ? ['targets'] : ['targets', name],
      text: `target ${name} ${lost}, and ${new Set(living.map(({ version }) => version)).size} version(s) not proved dead need it to be killed, the first of ${named(first.credential) ? first.credential : 'another team'}: keep it until they are dead`,
    });
  }
  return problems;
}
