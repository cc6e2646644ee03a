import { KeybatonError } from '../../domain/errors.ts';
import type { VersionId } from '../../domain/identifiers.ts';

export function byTarget<One extends { readonly target: string }>(
  versions: readonly One[],
): readonly (readonly [string, readonly One[]])[] {
  return [...Map.groupBy(versions, ({ target }) => target)];
}

/** Answers as they were asked for, each version's once. */
export function inOrder<Answer extends { readonly version: VersionId }>(
  versions: readonly { readonly version: VersionId }[],
  answers: readonly Answer[],
): readonly Answer[] {
  const found = new Map(answers.map((answer) => [answer.version, answer]));
  return versions.map(({ version }) => {
    const answer = found.get(version);
    if (answer === undefined) throw new KeybatonError('UNAVAILABLE', `version ${version} was not answered for`);
    return answer;
  });
}
