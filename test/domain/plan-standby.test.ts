import { describe, expect, it } from 'vitest';
import type { CredentialFacts, VersionFacts } from '../../domain/facts.ts';
import { current, entry, epoch, facts, now, version, versionId } from './facts.ts';
import { planned } from './planned.ts';

const isDue = { ...facts().due, at: now - 1 };

describe('a spare version', () => {
  const every = 1_000;
  const kept = entry({ standby: true, schedule: { every, jitter: 0, windows: [] } });
  const spare = (letter: string, changes: Partial<VersionFacts> = {}): VersionFacts =>
    version(letter, { fate: 'standby', createdAt: now - 1, ...changes });
  const withSpare = (...spares: readonly VersionFacts[]): CredentialFacts =>
    facts({ entry: kept, versions: [current('a'), ...spares], epochs: [epoch(1, 'a')] });

  it('stands by without being asked or doomed', () => {
    expect(planned(withSpare(spare('b')))).toMatchObject({
      plan: { wanted: versionId('a'), doomed: [] },
      asked: [versionId('a')],
    });
  });
  it('is doomed when two intervals have passed, or when the provider would end it within one', () => {
    expect(planned(withSpare(spare('b', { createdAt: now - 2 * every }))).plan.doomed).toEqual([versionId('b')]);
    expect(planned(withSpare(spare('b', { expiresAt: now + every }))).plan.doomed).toEqual([versionId('b')]);
  });
  it('that has stood by for too long is not wanted at the due date, but after a leak', () => {
    const old = spare('b', { createdAt: now - 2 * every });
    expect(planned({ ...withSpare(old), due: isDue }).plan).toMatchObject({ wanted: 'issue' });
    const leaked = { ...withSpare(old), versions: [current('a', { compromised: true }), old] };
    expect(planned(leaked).plan).toMatchObject({ wanted: versionId('b'), doomed: [versionId('a')] });
  });
  it('is the newest that is stored: others beside it are doomed', () => {
    const { plan } = planned(withSpare(spare('b'), spare('c'), spare('d', { issued: false })));
    expect(plan.doomed).toEqual([versionId('b'), versionId('d')]);
  });
  it('that was never stored is not wanted before a new one', () => {
    expect(planned({ ...withSpare(spare('b', { issued: false })), due: isDue }).plan.wanted).toBe('issue');
  });
  it('that an entry keeps no more is doomed', () => {
    expect(planned({ ...withSpare(spare('b')), entry: entry() }).plan.doomed).toEqual([versionId('b')]);
  });
  it('whose kill was begun is doomed still', () => {
    expect(planned(withSpare(spare('b', { authorisedEpoch: 1 }))).plan.doomed).toEqual([versionId('b')]);
  });
  it('that leaked is doomed', () => {
    expect(planned(withSpare(spare('b')), { compromised: new Set([versionId('b')]) }).plan).toMatchObject({
      wanted: versionId('a'),
      doomed: [versionId('b')],
    });
  });
});
