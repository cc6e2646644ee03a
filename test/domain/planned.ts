import type { BackendStanding, CredentialFacts } from '../../domain/facts.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import type { Liveness } from '../../domain/lifecycle.ts';
import { plan, type DoThis } from '../../domain/plan.ts';

export interface World {
  readonly liveness?: ReadonlyMap<VersionId, Liveness>;
  readonly backends?: ReadonlyMap<string, BackendStanding>;
  readonly compromised?: ReadonlySet<VersionId>;
  readonly rehearse?: boolean;
}

/** Answers what the rule asks, from a world in which everything lives unless it says otherwise; remembers the questions. */
export function planned(
  given: CredentialFacts,
  world: World = {},
): { readonly plan: DoThis; readonly asked: VersionId[] } {
  const asked: VersionId[] = [];
  const liveness = new Map<VersionId, Liveness>();
  for (let rounds = 0; rounds <= given.versions.length + 1; rounds += 1) {
    const answer = plan({
      facts: given,
      world: { liveness, backends: world.backends ?? new Map() },
      compromised: world.compromised ?? new Set(),
      rehearse: world.rehearse ?? false,
    });
    if (answer.kind === 'do') return { plan: answer, asked };
    for (const id of answer.versions) {
      asked.push(id);
      liveness.set(id, world.liveness?.get(id) ?? 'live');
    }
  }
  throw new Error('the rule goes on asking');
}
