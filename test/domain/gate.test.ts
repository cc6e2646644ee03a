import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evidenceKinds, satisfies, type EvidenceKind } from '../../domain/entry.ts';
import type { EvidenceFacts, InstanceFacts, SilenceFacts } from '../../domain/facts.ts';
import {
  backendsMiss,
  evidenceMiss,
  missingEvidence,
  modeMiss,
  releasedUnproved,
  silenceMissing,
  silenceRemaining,
  survivorMiss,
} from '../../domain/gate.ts';
import { now, request } from './facts.ts';

type Shown = EvidenceFacts['evidence'][number];

const demand = (consumer: string, kind: EvidenceKind = 'possession'): EvidenceFacts['demands'][number] => ({
  consumer,
  demand: kind,
  kind: 'service',
  deadline: 1_000,
});
const instance = (consumer: string, name: string, changes: Partial<InstanceFacts> = {}): InstanceFacts => ({
  consumer,
  instance: name,
  boot: 'boot',
  seenAt: now,
  leaseUntil: now + 1_000,
  left: false,
  ...changes,
});
const shown = (consumer: string, of: string | undefined, changes: Partial<Shown> = {}): Shown => ({
  consumer,
  instance: of,
  kind: 'possession',
  at: now,
  withdrawn: false,
  ...changes,
});
const evidence = (changes: Partial<EvidenceFacts> = {}): EvidenceFacts => ({
  epoch: 2,
  decidedAt: 0,
  none: undefined,
  demands: [demand('bot')],
  instances: [instance('bot', 'one')],
  evidence: [],
  waivers: [],
  ...changes,
});
const whys = (facts: EvidenceFacts): readonly string[] => missingEvidence(facts, now).map((one) => one.why);

describe('GATE line 1: every backend shows the survivor', () => {
  it('is open when all are in sync', () => {
    expect(backendsMiss(new Map([['vault', 'in-sync']]))).toBeUndefined();
  });
  it.each(['behind', 'foreign', 'unknown'] as const)('misses a backend that is %s', (standing) => {
    expect(
      backendsMiss(
        new Map([
          ['vault', 'in-sync'],
          ['mirror', standing],
        ]),
      ),
    ).toMatchObject({ line: 1 });
  });
});

describe('GATE line 2: the survivor lives', () => {
  it('is open for a live one', () => expect(survivorMiss('live')).toBeUndefined());
  it.each(['refused', 'absent', 'unknown'] as const)('misses one that is %s', (liveness) => {
    expect(survivorMiss(liveness)).toMatchObject({ line: 2 });
  });
});

describe('GATE line 3: every consumer and instance has shown what is demanded', () => {
  it('cannot tell with an empty register', () => {
    expect(whys(evidence({ demands: [], instances: [] }))).toEqual(['no consumer declared']);
  });
  it('is open when the entry says that it has no consumers, and why', () => {
    expect(evidenceMiss(evidence({ demands: [], none: 'a reason' }), now)).toBeUndefined();
  });
  it('still asks what was demanded before the entry said that it has none', () => {
    expect(whys(evidence({ none: 'a reason' }))).toEqual(['not proved']);
  });
  it('asks a consumer of which no instance was seen', () => {
    expect(whys(evidence({ instances: [] }))).toEqual(['no instance seen']);
  });
  it('asks every instance', () => {
    const given = evidence({
      instances: [instance('bot', 'one'), instance('bot', 'two')],
      evidence: [shown('bot', 'one')],
    });
    expect(missingEvidence(given, now)).toMatchObject([{ consumer: 'bot', instance: 'two' }]);
  });
  it('asks no instance that left', () => {
    const left = instance('bot', 'two', { left: true });
    const given = evidence({ instances: [instance('bot', 'one'), left], evidence: [shown('bot', 'one')] });
    expect(whys(given)).toEqual([]);
  });
  it('asks for evidence when every instance has left without any', () => {
    expect(whys(evidence({ instances: [instance('bot', 'one', { left: true })] }))).toEqual(['no instance seen']);
  });
  it('takes a lapsed lease for no departure', () => {
    expect(whys(evidence({ instances: [instance('bot', 'one', { leaseUntil: now - 1 })] }))).toEqual(['lease lapsed']);
  });
  it('takes withdrawn evidence for none', () => {
    expect(whys(evidence({ evidence: [shown('bot', 'one', { withdrawn: true })] }))).toEqual(['withdrawn']);
  });
  it('takes no weaker kind for the one demanded', () => {
    expect(whys(evidence({ evidence: [shown('bot', 'one', { kind: 'endpoint-reported' })] }))).toEqual(['not proved']);
  });
  it('takes a stronger kind', () => {
    const given = evidence({ demands: [demand('bot', 'rolled-out')], evidence: [shown('bot', 'one')] });
    expect(whys(given)).toEqual([]);
  });
  it.each(['acknowledged', 'rolled-out'] as const)('takes %s of the whole consumer for every instance', (kind) => {
    const demands = [demand('bot', kind)];
    expect(whys(evidence({ demands, evidence: [shown('bot', undefined, { kind })] }))).toEqual([]);
  });
  it('takes nothing said of the whole consumer for the possession of an instance', () => {
    expect(whys(evidence({ evidence: [shown('bot', undefined, { kind: 'rolled-out' })] }))).toEqual(['not proved']);
  });
  it('takes no instance’s evidence for another’s of the same name at another consumer', () => {
    const given = evidence({ demands: [demand('bot'), demand('batch')], evidence: [shown('batch', 'one')] });
    expect(missingEvidence(given, now)).toMatchObject([{ consumer: 'bot', instance: 'one' }]);
  });
  it('lets a named waiver stand for a consumer, or for one instance', () => {
    const instances = [instance('bot', 'one'), instance('bot', 'two')];
    const all = { consumer: 'bot', instance: undefined, who: 'ada' };
    expect(whys(evidence({ instances, waivers: [all] }))).toEqual([]);
    const one = { ...all, instance: 'one' };
    expect(missingEvidence(evidence({ instances, waivers: [one] }), now)).toMatchObject([{ instance: 'two' }]);
  });
  it('says at most ten names', () => {
    const instances = Array.from({ length: 12 }, (_, index) => instance('bot', `i${index}`));
    expect(evidenceMiss(evidence({ instances }), now)?.why).toMatch(/; and 2 more$/);
  });
});

describe('GATE line 4: the old version was silent for T', () => {
  const silence = { for: 1_000 };
  const watched = (changes: Partial<SilenceFacts> = {}): SilenceFacts => ({
    kind: 'timestamp',
    watchingSince: 0,
    watchedUntil: 1_000,
    lastUseAt: undefined,
    ...changes,
  });
  it('is open after T of silence, counted to what the signal vouches for', () => {
    expect(silenceMissing(silence, watched(), true)).toBeUndefined();
    expect(silenceMissing(silence, watched({ watchedUntil: 999 }), true)).toBeDefined();
  });
  it('counts from the last use', () => {
    expect(silenceMissing(silence, watched({ lastUseAt: 1 }), true)).toBeDefined();
    expect(silenceMissing(silence, watched({ lastUseAt: 1, watchedUntil: 1_001 }), true)).toBeUndefined();
  });
  it('counts no time before watching began', () => {
    expect(silenceMissing(silence, watched({ watchingSince: 500, lastUseAt: 1 }), true)).toBeDefined();
  });
  it('cannot tell before it is watched', () => expect(silenceMissing(silence, undefined, true)).toBeDefined());
  it('falls away where the provider has no signal, or the entry says no with a reason', () => {
    expect(silenceMissing(silence, undefined, false)).toBeUndefined();
    expect(silenceMissing({ no: 'a reason' }, undefined, true)).toBeUndefined();
  });
  it('is never open before the remaining time it tells has passed, and then it is', () => {
    fc.assert(
      fc.property(fc.nat(5_000), fc.nat(5_000), fc.option(fc.nat(5_000), { nil: undefined }), (since, until, use) => {
        const facts = watched({ watchingSince: since, watchedUntil: until, lastUseAt: use });
        const remaining = silenceRemaining(silence, facts);
        expect(silenceMissing(silence, facts, true) === undefined).toBe(remaining === 0);
        const later = { ...facts, watchedUntil: until + remaining };
        expect(silenceMissing(silence, later, true)).toBeUndefined();
      }),
    );
  });
});

describe('GATE and people', () => {
  const release = (kind: 'ask' | 'unproved') => request({ kind: 'release', release: kind, epoch: 2 });
  it('stops in mode ask until somebody let this epoch go on', () => {
    expect(modeMiss('ask', [], 2)).toBeDefined();
    expect(modeMiss('ask', [release('ask')], 2)).toBeUndefined();
    expect(modeMiss('ask', [release('ask')], 3)).toBeDefined();
    expect(modeMiss('ask', [release('unproved')], 2)).toBeDefined();
  });
  it('never opens in mode observe', () => expect(modeMiss('observe', [release('ask')], 2)).toBeDefined());
  it('does not stop in mode automatic', () => expect(modeMiss('automatic', [], 2)).toBeUndefined());
  it('waives lines 3 and 4 for the epoch of the release alone', () => {
    expect(releasedUnproved([release('unproved')], 2)).toBe(true);
    expect(releasedUnproved([release('unproved')], 3)).toBe(false);
    expect(releasedUnproved([release('ask')], 2)).toBe(false);
  });
});

describe('line 3, whatever was registered and shown', () => {
  const consumers = ['bot', 'batch', 'web'];
  const names = ['one', 'two'];
  const anyKind = fc.constantFrom(...evidenceKinds);
  const anyShown: fc.Arbitrary<Shown> = fc
    .record({
      consumer: fc.constantFrom(...consumers),
      instance: fc.option(fc.constantFrom(...names), { nil: undefined }),
      kind: anyKind,
      withdrawn: fc.boolean(),
    })
    .map((made) => ({ ...made, at: now }));
  const anyEvidence: fc.Arbitrary<EvidenceFacts> = fc
    .record({
      demands: fc.uniqueArray(fc.tuple(fc.constantFrom(...consumers), anyKind), { selector: ([name]) => name }),
      instances: fc.uniqueArray(
        fc.tuple(fc.constantFrom(...consumers), fc.constantFrom(...names), fc.boolean(), fc.boolean()),
        { selector: ([consumer, name]) => `${consumer}/${name}` },
      ),
      evidence: fc.array(anyShown, { maxLength: 8 }),
      waivers: fc.array(
        fc.tuple(fc.constantFrom(...consumers), fc.option(fc.constantFrom(...names), { nil: undefined })),
        { maxLength: 2 },
      ),
      none: fc.option(fc.constant('a reason'), { nil: undefined }),
    })
    .map((made) =>
      evidence({
        demands: made.demands.map(([consumer, kind]) => demand(consumer, kind)),
        instances: made.instances.map(([consumer, name, left, lapsed]) =>
          instance(consumer, name, { left, leaseUntil: lapsed ? now - 1 : now + 1 }),
        ),
        evidence: made.evidence,
        waivers: made.waivers.map(([consumer, name]) => ({ consumer, instance: name, who: 'ada' })),
        none: made.none,
      }),
    );
  const always = (holds: (facts: EvidenceFacts, more: Shown) => void): void =>
    void fc.assert(
      fc.property(anyEvidence, anyShown, (facts, more) => {
        holds(facts, more);
      }),
      { numRuns: 3_000 },
    );
  const missed = (facts: EvidenceFacts): readonly string[] =>
    missingEvidence(facts, now).map((one) => `${one.consumer}/${one.instance ?? '*'}`);

  it('nothing missing means standing evidence as strong as demanded of every instance, and of one at least', () => {
    always((facts) => {
      if (missed(facts).length > 0) return;
      if (facts.demands.length === 0) return expect(facts.none).toBeDefined();
      for (const { consumer, demand: demanded } of facts.demands) {
        const waived = (name: string | undefined): boolean =>
          facts.waivers.some((one) => one.consumer === consumer && (one.instance ?? name) === name);
        if (waived(undefined)) continue;
        const standing = facts.evidence.filter(
          (one) => one.consumer === consumer && !one.withdrawn && satisfies(one.kind, demanded),
        );
        const ofAll = demanded === 'acknowledged' || demanded === 'rolled-out';
        const whole = standing.some(
          (one) => one.instance === undefined && ['acknowledged', 'rolled-out'].includes(one.kind),
        );
        if (ofAll && whole) continue;
        const present = facts.instances.filter(
          (one) => one.consumer === consumer && !one.left && !waived(one.instance),
        );
        for (const one of present) expect(standing.map((shown) => shown.instance)).toContain(one.instance);
        const anybodyWaived = facts.instances.some((one) => one.consumer === consumer && waived(one.instance));
        expect(standing.length > 0 || anybodyWaived).toBe(true);
      }
    });
  });

  it('more evidence never makes anything missing', () => {
    always((facts, more) => {
      const before = missed(facts);
      const after = missed({ ...facts, evidence: [...facts.evidence, { ...more, withdrawn: false }] });
      for (const one of after) expect(before).toContain(one);
    });
  });

  it('withdrawn evidence never makes anything not missing', () => {
    always((facts) => {
      const withdrawn = facts.evidence.map((one, index) => (index === 0 ? { ...one, withdrawn: true } : one));
      const open = (missing: readonly string[]): boolean => missing.length === 0;
      if (!open(missed(facts))) expect(open(missed({ ...facts, evidence: withdrawn }))).toBe(false);
    });
  });

  it('another instance never makes anything not missing', () => {
    always((facts, more) => {
      if (missed(facts).length === 0) return;
      const late = instance(more.consumer, 'late');
      expect(missed({ ...facts, instances: [...facts.instances, late] }).length).toBeGreaterThan(0);
    });
  });
});
