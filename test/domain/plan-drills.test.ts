import { describe, expect, it } from 'vitest';
import type { CredentialFacts, VersionFacts } from '../../domain/facts.ts';
import { plan } from '../../domain/plan.ts';
import { current, epoch, facts, now, request, version, versionId } from './facts.ts';

const drill = (changes: Partial<VersionFacts> = {}): VersionFacts =>
  version('d', { fate: 'doomed', drill: true, ...changes });
const issue = (until: number): VersionFacts['intents'][number] => ({
  effect: 'issue',
  place: 'project',
  until,
  outcome: 'done',
  ref: undefined,
});

/** What is planned in a world where everything lives. */
function planned(of: VersionFacts, changes: Partial<CredentialFacts> = {}, more: readonly VersionFacts[] = []) {
  const given = facts({ versions: [current('a'), ...more, of], epochs: [epoch(1, 'a')], ...changes });
  const answer = plan({
    facts: given,
    world: { liveness: new Map(given.versions.map(({ id }) => [id, 'live'])), backends: new Map() },
    compromised: new Set(),
    rehearse: false,
  });
  if (answer.kind !== 'do') throw new Error('everything was answered');
  return answer;
}

describe('a version made for a drill', () => {
  it('is doomed like any other that was left behind', () => {
    expect(planned(drill()).doomed).toEqual([versionId('d')]);
    expect(planned(drill({ intents: [issue(now)] })).doomed).toEqual([versionId('d')]);
  });

  it('is left to its drill while that may still be on', () => {
    expect(planned(drill({ createdAt: now - 59_999 })).doomed).toEqual([]);
    expect(planned(drill({ intents: [issue(now + 1)] })).doomed).toEqual([]);
  });

  it('is doomed at once when it is spent, compromised or dying', () => {
    for (const change of [{ spent: true }, { compromised: true }, { killBegun: true }])
      expect(planned(drill({ intents: [issue(now + 1)], ...change })).doomed).toEqual([versionId('d')]);
  });

  it('is never wanted, whatever else is lost', () => {
    const lost = { versions: [current('a', { refused: true }), drill()] };
    expect(planned(drill(), lost).wanted).toBe('issue');
    const back = request({ kind: 'rollBack', version: versionId('d') });
    expect(planned(drill(), { requests: [back] }).wanted).toBe(versionId('a'));
  });
});
