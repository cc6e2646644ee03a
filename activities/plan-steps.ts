import { formatDuration } from '../domain/duration.ts';
import type { CredentialFacts, VersionFacts } from '../domain/facts.ts';
import type { DoThis } from '../domain/plan.ts';
import type { BoundProvider } from './ports.ts';

/** What a run would do, for people, one sentence a step. Pure. `place`: where preflight says that a new version is made. */
export function planSteps(
  facts: CredentialFacts,
  provider: BoundProvider,
  decision: DoThis,
  place: string | undefined,
): readonly string[] {
  const byId = new Map(facts.versions.map((version) => [version.id, version]));
  const dying = decision.doomed.flatMap((id) => byId.get(id) ?? []);
  const leaked = dying.filter((one) => one.compromised);
  const gated = dying.filter((one) => !one.compromised && one.everCurrent);
  const unpromoted = dying.filter((one) => !one.compromised && !one.everCurrent);
  const killFirst = facts.entry.emergency.policy === 'revoke-first' ? leaked : [];
  return [
    ...killFirst.map((one) => `revoke ${naming(one)} at once: it is compromised`),
    ...making(facts, provider, decision, place),
    ...promoting(facts, decision),
    ...(gated.length === 0 ? [] : gate(facts, provider)),
    ...leaked.filter((one) => !killFirst.includes(one)).map((one) => `revoke ${naming(one)}: it is compromised`),
    ...unpromoted.map((one) => `discard ${naming(one)}: it was never promoted`),
    ...gated.map((one) => `revoke ${naming(one)}: from here only forward`),
    ...(dying.length === 0 ? [] : [proving(provider), 'erase every copy of what is dead, and keep its history']),
  ];
}

function making(
  facts: CredentialFacts,
  provider: BoundProvider,
  { wanted }: DoThis,
  place: string | undefined,
): readonly string[] {
  const stores = facts.entry.backends.map(({ backend, path }) => `${backend} at ${path}`).join(', then ');
  const at = `target ${provider.target}${place === undefined ? '' : ` in ${place}`}`;
  const version = facts.versions.find((one) => one.id === wanted);
  if (wanted === undefined || version?.everCurrent === true) return [];
  if (version?.issued === true) return [`take version ${version.id}, which is staged and ready`, works];
  const waits = version === undefined ? '' : ` (version ${version.id} is planned)`;
  if (provider.issue === undefined)
    return [
      `wait until a person has made a key at ${at} and supplied it: keybaton supply ${facts.id}${waits}`,
      `stage it in ${stores}, then find the one key it belongs to and tag it`,
      works,
    ];
  const order =
    provider.generate === undefined
      ? `issue it at ${at}, stage it in ${stores}`
      : `stage it in ${stores}, then set it at ${at}`;
  return [`make a new version: ${order}${waits}`, works];
}

const works = 'verify at the provider that it works; one that does not is discarded and nothing else changes';

function promoting(facts: CredentialFacts, { wanted, promote, decided }: DoThis): readonly string[] {
  if (wanted === undefined || !promote) return [];
  const epoch = (facts.epochs[0]?.epoch ?? 0) + (decided ? 0 : 1);
  return facts.entry.backends.map(
    ({ backend, path }, index) =>
      `promote epoch ${epoch} in ${backend} at ${path}${index === 0 ? '' : ', after the one before'}`,
  );
}

/** What GATE asks before anything that was ever current dies. */
function gate({ entry }: CredentialFacts, provider: BoundProvider): readonly string[] {
  const proofs =
    'none' in entry.consumers
      ? [`ask no consumer for proof: ${entry.consumers.none}`]
      : entry.consumers.map(
          ({ name, demand, deadline, kind }) =>
            `wait until every instance of ${name} has shown ${demand}${kind === 'job' ? ' at its next run' : ''}; people are told after ${formatDuration(deadline)}`,
        );
  const { usage } = provider.traits;
  const quiet =
    'no' in entry.silence
      ? `do not ask for silence: ${entry.silence.no}`
      : usage === undefined
        ? 'do not ask for silence: this provider does not tell when a key was last used'
        : `wait until the old version was silent for ${formatDuration(entry.silence.for)} (${usage.kind}, ${formatDuration(usage.lag)} behind)`;
  const soak =
    entry.soak === 0
      ? []
      : [
          provider.suspend === undefined
            ? `wait ${formatDuration(entry.soak)} after the last proof`
            : `suspend the old version, and wait ${formatDuration(entry.soak)}: until then it can be turned back`,
        ];
  const ask = entry.mode === 'ask' ? ['stop until a person runs keybaton release --ask'] : [];
  return [...proofs, quiet, ...ask, ...soak];
}

function proving({ traits }: BoundProvider): string {
  const times = traits.revokeSpread === 0 ? 'twice' : `3 times over ${formatDuration(traits.revokeSpread)}`;
  return `ask the provider with the old value until it refuses ${times} while it accepts another: only then it is dead`;
}

function naming(version: VersionFacts): string {
  const refs = version.refs.filter(({ gone }) => !gone).map(({ ref }) => ref.id);
  const how = version.onlyByHand ? 'only a person can revoke it' : refs.join(', ');
  return `version ${version.id}${how === '' ? '' : ` (${how})`}`;
}
