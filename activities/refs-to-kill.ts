import type { Ref } from '../domain/facts.ts';
import type { VersionId } from '../domain/identifiers.ts';
import type { LiveCredential } from '../providers/provider.ts';

/** Do both name the same generation? One without a mark, or a parent, names whatever has its id. */
export function sameGeneration(one: Ref, other: Ref): boolean {
  const agree = (a: string | undefined, b: string | undefined): boolean =>
    a === undefined || b === undefined || a === b;
  return one.id === other.id && agree(one.mark, other.mark);
}

/** What `list` shows under a version's tag. */
export function taggedAs(
  version: VersionId,
  listed: readonly LiveCredential[],
  installation: string,
): readonly LiveCredential[] {
  return listed.filter(({ tag }) => tag?.installation === installation && tag.version === version);
}

/** Everything that must die of one version: the refs known and what `list` shows under its tag, each once. */
export function refsToKill(known: readonly Ref[], tagged: readonly LiveCredential[]): readonly Ref[] {
  const refs = new Map<string, Ref>();
  for (const ref of [...known, ...tagged.map((live) => live.ref)])
    refs.set(JSON.stringify([ref.id, ref.mark, ref.parent]), ref);
  return [...refs.values()];
}

interface Listed {
  readonly id: VersionId;
  readonly refs: readonly Ref[];
}

/** What `list` shows of a version, by tag or by ref: its own, and nothing that may be another's. */
export function listedAs(
  version: Listed,
  listed: readonly LiveCredential[],
  installation: string,
): readonly LiveCredential[] {
  const tagged = taggedAs(version.id, listed, installation);
  const named = (live: LiveCredential): boolean =>
    version.refs.some((ref) => ref.id === live.ref.id && (ref.mark === undefined || ref.mark === live.ref.mark));
  return listed.filter((live) => tagged.includes(live) || named(live));
}

/**
 * What stands against a version's death: all that is listed as it, and what has the id of one of its refs without a mark
 * of ours. Only another mark of ours makes it another generation; without one nobody can tell.
 */
export function stillListed(
  version: Listed,
  listed: readonly LiveCredential[],
  installation: string,
): readonly LiveCredential[] {
  const own = listedAs(version, listed, installation);
  const unmarked = ({ ref, tag }: LiveCredential): boolean =>
    version.refs.some(({ id }) => id === ref.id) &&
    (ref.mark === undefined || (tag !== undefined && tag.installation !== installation));
  return listed.filter((live) => own.includes(live) || unmarked(live));
}
