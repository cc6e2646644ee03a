import { describe, expect, it } from 'vitest';
import type { EmergencyPolicy } from '../../domain/entry.ts';
import type { VersionFacts } from '../../domain/facts.ts';
import { killOrder, standbyBound, type KillOrder } from '../../domain/kill-order.ts';
import { current, entry, epoch, facts, now, version, versionId } from './facts.ts';

const bound = 60_000;
const b = versionId('b');

function ordered(policy: EmergencyPolicy, changes: Partial<VersionFacts> = {}): KillOrder {
  const leaked = current('b', { compromised: true, compromisedAt: now - 10_000, ...changes });
  const given = facts({ entry: entry({ emergency: { policy, bound } }), versions: [leaked], epochs: [epoch(1, 'b')] });
  return killOrder(given, [b], now);
}

describe('what a policy says of a leaked version', () => {
  it('revoke-first: it dies first', () => {
    expect(ordered('revoke-first')).toEqual({ killFirst: [b], bounds: [] });
  });
  it('replace-first: it dies at the bound, counted from the declaration', () => {
    expect(ordered('replace-first')).toEqual({ killFirst: [], bounds: [{ version: b, within: 50_000 }] });
  });
  it('replace-first: it dies first when the bound has passed', () => {
    expect(ordered('replace-first', { compromisedAt: now - bound })).toEqual({ killFirst: [b], bounds: [] });
  });
  it('replace-first: the bound counts from now while the ledger has not heard of the incident', () => {
    expect(ordered('replace-first', { compromisedAt: undefined }).bounds).toEqual([{ version: b, within: bound }]);
  });
  it('replace-first: a declaration in the future makes no bound longer', () => {
    expect(ordered('replace-first', { compromisedAt: now + 5_000 }).bounds).toEqual([{ version: b, within: bound }]);
  });
  it.each<[string, Partial<VersionFacts>]>([
    ['was never current', { everCurrent: false }],
    ['is being killed', { killBegun: true }],
    ['is dead', { fate: 'dead' }],
  ])('replace-first: one that %s waits for nobody', (_what, changes) => {
    expect(ordered('replace-first', changes)).toEqual({ killFirst: [b], bounds: [] });
  });
  it('standby: it dies first, and within half a minute although the standby is not promoted', () => {
    const within = standbyBound - 10_000;
    expect(ordered('standby')).toEqual({ killFirst: [b], bounds: [{ version: b, within }] });
    expect(ordered('standby', { compromisedAt: now - standbyBound })).toEqual({ killFirst: [b], bounds: [] });
  });
  it('each of several dies in its own time', () => {
    const policy = { emergency: { policy: 'replace-first', bound } } as const;
    const leaked = (letter: string, age: number, changes: Partial<VersionFacts> = {}): VersionFacts =>
      version(letter, { everCurrent: true, fate: 'doomed', compromised: true, compromisedAt: now - age, ...changes });
    const given = facts({
      entry: entry(policy),
      versions: [leaked('a', 5_000, { everCurrent: false }), leaked('b', 20_000)],
    });
    expect(killOrder(given, [b, versionId('a')], now)).toEqual({
      killFirst: [versionId('a')],
      bounds: [{ version: b, within: 40_000 }],
    });
  });
  it('of a version that nobody knows: it dies first', () => {
    const given = facts({ entry: entry({ emergency: { policy: 'replace-first', bound } }), versions: [version('a')] });
    expect(killOrder(given, [b], now)).toEqual({ killFirst: [b], bounds: [] });
  });
});
