import type { CredentialFacts, VersionFacts } from '../domain/facts.ts';
import { startOver, wait, type Answer } from '../domain/rotation.ts';
import { copiesOf } from './copies.ts';
import type { ActivityPorts, EntryPlace } from './ports.ts';
import { recordIssued, stageEverywhere } from './staging.ts';
import { ownEnvelope } from './world.ts';

/** Stages a version in a place that its entry gained after it was issued, from any other place that can be read. */
export async function stageLater(
  ports: ActivityPorts,
  at: EntryPlace,
  facts: CredentialFacts,
  version: VersionFacts,
  signal: AbortSignal,
): Promise<Answer<never>> {
  const provider = await ports.provider(version.target);
  const { kept, left } = await copiesOf(ports, facts, version);
  const others = [...kept, ...left].filter((one) => one.name !== at.name || one.place.path !== at.place.path);
  const envelope = await ownEnvelope(ports, provider, others, version, signal);
  if (envelope === 'absent') return nowhereStored(ports, facts, version);
  // Written down first: what may lie there is erased one day.
  const { ref, material } = envelope;
  await recordIssued(ports, provider, [at], version, { ref, material });
  await stageEverywhere(ports, [at], { version: version.id, ref, material }, signal);
  await ports.ledger.cure({ credential: facts.id, keyPrefix: keyOf(version) });
  return wait(`backend ${at.name} has a copy of the version now`, 50);
}

/** What is current and lies nowhere can be put nowhere else: people are told, and a rotation that they ask for helps. */
export async function nowhereStored(
  ports: ActivityPorts,
  facts: CredentialFacts,
  version: VersionFacts,
): Promise<Answer<never>> {
  const text = `a backend does not show version ${version.id}, which is current, and no place that can be read has a copy of it: run \`keybaton rotate ${facts.id}\` for a version that is stored everywhere`;
  await ports.ledger.alarm({ credential: facts.id, key: keyOf(version), text, page: true });
  return asked(facts) ? startOver('a version that is stored everywhere is asked for') : wait(text, 60_000, 'held');
}

/** Cured with every decision. */
const keyOf = ({ id }: VersionFacts): string => `held/unstaged/${id}`;

const asked = ({ requests, entry, observeOnly }: CredentialFacts): boolean =>
  requests.some(({ kind }) => kind === 'rotate') && entry.mode !== 'observe' && !observeOnly;
