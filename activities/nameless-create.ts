import type { CredentialFacts, Ref, VersionFacts } from '../domain/facts.ts';
import { wait, type Answer } from '../domain/rotation.ts';
import { providerCall } from './calls.ts';
import type { ActivityPorts, BoundProvider } from './ports.ts';

/**
 * Where keys carry no mark of ours, a create without an answer is found by what the list did not show when it was planned,
 * and no ref of ours names. Exactly one is recorded as this version's, to be killed as such; several hold and page: which of
 * them is ours nobody can tell, and the oldest or newest is a guess. Never looked for while another create is under way.
 */
export async function namelessCreate(
  ports: ActivityPorts,
  provider: BoundProvider,
  facts: CredentialFacts,
  version: VersionFacts,
  signal: AbortSignal,
): Promise<Ref | Answer<never> | undefined> {
  const { baseline } = version;
  const unanswered = version.intents.some(({ effect, outcome }) => effect === 'issue' && outcome !== 'failed');
  if (provider.traits.tagged || provider.issue === undefined || baseline === undefined) return undefined;
  if (!unanswered || version.issued || version.refs.length > 0) return undefined;
  const others = facts.versions.filter((one) => one.id !== version.id && one.target === version.target);
  const open = others.flatMap((one) =>
    one.issued || one.spent
      ? []
      : one.intents.filter(
          ({ effect, outcome, until }) => effect === 'issue' && outcome === undefined && until > facts.now,
        ),
  );
  const openUntil = Math.max(0, ...open.map(({ until }) => until));
  if (openUntil > 0) return wait('another create at this target is still without an answer', openUntil - facts.now);

  const listed = await provider.list(providerCall(ports, provider.traits.callTimeout, signal));
  const known = await ports.ledger.refsOfTarget(provider.target);
  const found = listed.filter(
    ({ ref }) => !baseline.live.includes(ref.id) && !known.some((one) => one.ref.id === ref.id),
  );
  const [only, ...more] = found;
  if (only === undefined) return undefined;
  if (more.length === 0) {
    await ports.ledger.refSeen({ version: version.id, ref: only.ref });
    return only.ref;
  }
  const names = found.map(({ ref }) => ref.id).join(', ');
  const text = `a create of version ${version.id} was not answered, and ${found.length} keys at target ${provider.target} may be what it made: ${names}; delete those that nobody uses`;
  await ports.ledger.alarm({ credential: facts.id, key: `held/nameless/${version.id}`, text, page: true });
  return wait(text, 3_600_000, 'held');
}
