import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BackendStanding, CredentialFacts, VersionFacts } from '../../domain/facts.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import type { Liveness } from '../../domain/lifecycle.ts';
import { planned } from './planned.ts';
import {
  anyFacts,
  anyLiveness,
  anyVersionIds,
  current,
  entry,
  epoch,
  facts,
  former,
  now,
  request,
  version,
  versionId,
} from './facts.ts';

const answers = (...pairs: readonly (readonly [string, Liveness])[]): ReadonlyMap<VersionId, Liveness> =>
  new Map(pairs.map(([letter, liveness]) => [versionId(letter), liveness]));
const rollBackTo = (letter: string) => request({ kind: 'rollBack', version: versionId(letter) });
const isDue = { ...facts().due, at: now - 1 };

/** `a` was current, `b` is. */
const rotated = (changes: Partial<CredentialFacts> = {}): CredentialFacts =>
  facts({ versions: [former('a'), current('b')], epochs: [epoch(2, 'b'), epoch(1, 'a')], ...changes });

describe('the one rule', () => {
  describe('(a) an undecided roll-back', () => {
    it('wants the version it names and dooms the newest', () => {
      const { plan } = planned(rotated({ requests: [rollBackTo('a')] }));
      expect(plan).toMatchObject({ wanted: versionId('a'), why: 'roll-back', promote: true, doomed: [versionId('b')] });
    });
    it.each<[string, Partial<VersionFacts>]>([
      ['is compromised', { compromised: true }],
      ['is authorised to die', { authorisedEpoch: 2 }],
      ['was refused', { refused: true }],
      ['is dead', { fate: 'dead' }],
    ])('names a version that %s: what is stays', (_what, changes) => {
      const given = rotated({ versions: [former('a', changes), current('b')], requests: [rollBackTo('a')] });
      expect(planned(given).plan.wanted).toBe(versionId('b'));
    });
    it.each<Liveness>(['refused', 'absent', 'unknown'])('names a version that is %s: what is stays', (liveness) => {
      const world = { liveness: answers(['a', liveness]) };
      expect(planned(rotated({ requests: [rollBackTo('a')] }), world).plan.wanted).toBe(versionId('b'));
    });
    it('wants a suspended version without asking: it may be resumed', () => {
      const given = rotated({
        versions: [former('a', { suspended: true }), current('b')],
        requests: [rollBackTo('a')],
      });
      expect(planned(given)).toMatchObject({ plan: { wanted: versionId('a') }, asked: [] });
    });
    it('wants one whose suspension was never answered without asking, too', () => {
      const unanswered = { effect: 'suspend', place: 'a', until: 1, outcome: undefined, ref: undefined } as const;
      const given = rotated({
        versions: [former('a', { intents: [unanswered] }), current('b')],
        requests: [rollBackTo('a')],
      });
      expect(planned(given)).toMatchObject({ plan: { wanted: versionId('a') }, asked: [] });
    });
    it('names the newest itself: nothing changes', () => {
      expect(planned(rotated({ requests: [rollBackTo('b')] })).plan).toMatchObject({
        wanted: versionId('b'),
        promote: false,
      });
    });
  });

  describe('(b) the newest epoch’s version may not stay', () => {
    const leaked = (...versions: readonly VersionFacts[]): CredentialFacts =>
      rotated({ versions: [former('a'), current('b', { compromised: true }), ...versions] });

    it('wants a live standby first', () => {
      const given = leaked(version('c'), version('d', { fate: 'standby' }));
      expect(planned(given).plan).toMatchObject({ wanted: versionId('d'), why: 'survivor' });
    });
    it('wants a pending version where no standby lives', () => {
      const given = leaked(version('c'), version('d', { fate: 'standby' }));
      expect(planned(given, { liveness: answers(['d', 'refused']) }).plan.wanted).toBe(versionId('c'));
    });
    it('wants the newest earlier one else', () => {
      const { plan } = planned(leaked());
      expect(plan).toMatchObject({ wanted: versionId('a'), doomed: [versionId('b')] });
    });
    it('issues one where none is left', () => {
      expect(planned(leaked(), { liveness: answers(['a', 'refused']) }).plan.wanted).toBe('issue');
    });
    it('dooms the compromised first', () => {
      const given = rotated({ versions: [former('a'), current('b', { compromised: true })] });
      const { plan } = planned(given, { liveness: answers(['a', 'refused']) });
      expect(plan.doomed).toEqual([versionId('b'), versionId('a')]);
    });
    it('counts a version as compromised that only the escalation names', () => {
      const { plan } = planned(rotated(), { compromised: new Set([versionId('b')]) });
      expect(plan).toMatchObject({ wanted: versionId('a'), doomed: [versionId('b')] });
    });
    it.each<[string, Partial<VersionFacts>]>([
      ['was refused', { refused: true }],
      ['is authorised to die', { authorisedEpoch: 2 }],
    ])('holds for one that %s too', (_what, changes) => {
      const given = rotated({ versions: [former('a'), current('b', changes)] });
      expect(planned(given).plan.wanted).toBe(versionId('a'));
    });
    it('holds for one that the provider refuses now', () => {
      expect(planned(rotated(), { liveness: answers(['b', 'refused']) }).plan.wanted).toBe(versionId('a'));
    });
  });

  describe('(c) the credential is due', () => {
    const due = (...versions: readonly VersionFacts[]): CredentialFacts =>
      facts({ versions: [current('a'), ...versions], epochs: [epoch(1, 'a')], due: isDue });

    it('wants a standby, then a pending version, then a new one', () => {
      const standby = version('c', { fate: 'standby' });
      expect(planned(due(version('b'), standby)).plan.wanted).toBe(versionId('c'));
      expect(planned(due(version('b'))).plan.wanted).toBe(versionId('b'));
      expect(planned(due()).plan).toMatchObject({ wanted: 'issue', why: 'due', doomed: [versionId('a')] });
    });
    it('never wants a spent version again', () => {
      const { plan } = planned(due(version('b', { spent: true })));
      expect(plan).toMatchObject({ wanted: 'issue', doomed: [versionId('b'), versionId('a')] });
    });
    it('says when a person asked for it', () => {
      expect(planned({ ...due(), requests: [request({ kind: 'rotate' })] }).plan.why).toBe('requested');
    });
    it('finishes what an earlier epoch left, first', () => {
      expect(planned(rotated({ due: isDue })).plan).toMatchObject({ wanted: versionId('b'), doomed: [versionId('a')] });
    });
    it.each([{ entry: entry({ mode: 'observe' }) }, { observeOnly: true }])('wants nothing new with %o', (changes) => {
      expect(planned({ ...due(), ...changes }).plan.wanted).toBe(versionId('a'));
    });
    it('wants a first version where there is none', () => {
      expect(planned(facts()).plan).toMatchObject({ wanted: 'issue', doomed: [] });
    });
  });

  describe('(d) else', () => {
    it('wants the newest epoch’s version and promotes nothing', () => {
      expect(planned(rotated()).plan).toMatchObject({ wanted: versionId('b'), promote: false, decided: true });
    });
    it.each<BackendStanding>(['behind', 'foreign', 'unknown'])('promotes it where a backend is %s', (standing) => {
      expect(planned(rotated(), { backends: new Map([['vault', standing]]) }).plan.promote).toBe(true);
    });
    it('asks nobody behind the newest: a version whose silence is watched is not used by us', () => {
      expect(planned(rotated()).asked).toEqual([versionId('b')]);
    });
  });

  describe('a rehearsal', () => {
    it('wants a new version, or the pending one', () => {
      const given = rotated({ versions: [current('b')], epochs: [epoch(1, 'b')] });
      expect(planned(given, { rehearse: true })).toMatchObject({ plan: { wanted: 'issue' }, asked: [] });
      const begun = { ...given, versions: [...given.versions, version('c')] };
      expect(planned(begun, { rehearse: true }).plan.wanted).toBe(versionId('c'));
    });
    it('never wants what was current or stands by: it discards what it wants', () => {
      const standby = version('c', { fate: 'standby' });
      const given = rotated({
        versions: [former('a'), current('b', { refused: true }), standby],
        requests: [rollBackTo('a')],
      });
      expect(planned(given, { rehearse: true }).plan.wanted).toBe('issue');
    });
  });

  describe('an entry that was deleted', () => {
    it('is given nothing: all that is left of it is doomed, what was current last', () => {
      const given = rotated({
        status: 'retiring',
        versions: [current('b'), former('a'), version('c', { fate: 'standby' })],
      });
      const { plan, asked } = planned({ ...given, due: isDue });
      expect(plan).toMatchObject({ wanted: undefined, promote: false });
      expect(plan.doomed).toEqual([versionId('a'), versionId('c'), versionId('b')]);
      expect(asked).toEqual([]);
    });
    it('is given nothing when its last version is authorised to die, or dead', () => {
      const dying = rotated({ status: 'retiring', versions: [current('b', { authorisedEpoch: 2 })] });
      expect(planned(dying).plan).toMatchObject({ wanted: undefined, doomed: [versionId('b')] });
      const dead = rotated({ status: 'released', versions: [current('b', { fate: 'dead' })] });
      expect(planned(dead).plan).toMatchObject({ wanted: undefined, doomed: [] });
    });
  });

  describe('whatever the facts', () => {
    const anyInput = fc.record({
      facts: anyFacts,
      liveness: anyLiveness,
      compromised: anyVersionIds,
      rehearse: fc.boolean(),
    });
    const always = (holds: (input: typeof anyInput extends fc.Arbitrary<infer Input> ? Input : never) => void): void =>
      void fc.assert(fc.property(anyInput, holds), { numRuns: 3_000 });

    const isCompromised = (one: VersionFacts, named: ReadonlySet<VersionId>): boolean =>
      one.compromised || named.has(one.id);

    it('it ends, asking each version once', () => {
      always(({ facts: given, ...world }) => {
        const { asked } = planned(given, world);
        expect(new Set(asked).size).toBe(asked.length);
      });
    });

    it('it never wants a version that is compromised, dead, released, spent, refused or about to die', () => {
      always(({ facts: given, ...world }) => {
        const wanted = given.versions.find((one) => one.id === planned(given, world).plan.wanted);
        if (wanted === undefined) return;
        expect(isCompromised(wanted, world.compromised)).toBe(false);
        expect(wanted).toMatchObject({ spent: false, refused: false, killBegun: false, authorisedEpoch: undefined });
        expect(['dead', 'released']).not.toContain(wanted.fate);
      });
    });

    it('it never wants a version that did not answer as live, but a pending one, which is verified first', () => {
      always(({ facts: given, ...world }) => {
        const wanted = given.versions.find((one) => one.id === planned(given, world).plan.wanted);
        if (wanted === undefined || wanted.suspended || wanted.fate === 'pending') return;
        expect(world.liveness.get(wanted.id)).toBe('live');
      });
    });

    it('it dooms everything that is not wanted, standing by, dead, released or a debt, and nothing else', () => {
      always(({ facts: given, ...world }) => {
        const { plan } = planned(given, world);
        const kept = given.versions.filter(
          (one) => one.fate === 'standby' && given.entry.standby && given.status === 'managed',
        );
        const stands = kept.filter((one) => one.issued).at(-1) ?? kept.at(-1);
        const isDying = (one: VersionFacts): boolean =>
          one.spent || one.refused || one.killBegun || one.authorisedEpoch !== undefined;
        const spared = (one: VersionFacts): boolean =>
          one.id === plan.wanted ||
          one.fate === 'dead' ||
          one.fate === 'released' ||
          (!isCompromised(one, world.compromised) &&
            (one.fate === 'standby' ? one === stands && !isDying(one) : one.debtMoved));
        const expected = given.versions.filter((one) => !spared(one)).map((one) => one.id);
        expect(plan.doomed.toSorted()).toEqual(expected.toSorted());
      });
    });

    it('it dooms the compromised before all others', () => {
      always(({ facts: given, ...world }) => {
        const { doomed } = planned(given, world).plan;
        const compromised = doomed.map((id) => {
          const one = given.versions.find((candidate) => candidate.id === id);
          return one !== undefined && isCompromised(one, world.compromised);
        });
        expect(compromised).toEqual(compromised.toSorted((one, other) => Number(other) - Number(one)));
      });
    });

    it('it gives a deleted entry nothing', () => {
      always(({ facts: given, ...world }) => {
        if (given.status !== 'managed') expect(planned(given, world).plan.wanted).toBeUndefined();
      });
    });
  });
});
