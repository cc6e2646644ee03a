import { describe, expect, it } from 'vitest';
import type { EvidenceKind } from '../../domain/entry.ts';
import type { EvidenceFacts, InstanceFacts } from '../../domain/facts.ts';
import {
  backendsMiss,
  describeMissing,
  evidenceMiss,
  missingEvidence,
  modeMiss,
  releasedUnproved,
  silenceMissing,
  silenceRemaining,
  survivorMiss,
} from '../../domain/gate.ts';
import { now, request } from './facts.ts';

/** What a mutation of the rule once survived: who exactly is waived, released, withdrawn, and what people are told. */

const demand = (consumer: string, kind: EvidenceKind = 'possession') => ({
  ...{ consumer, demand: kind, kind: 'service' as const },
  deadline: 1_000,
});
const instance = (consumer: string, name: string, changes: Partial<InstanceFacts> = {}): InstanceFacts => ({
  ...{ consumer, instance: name, boot: 'boot', seenAt: now, leaseUntil: now + 1_000, left: false },
  ...changes,
});
const proof = (consumer: string, of: string, withdrawn = false) => ({
  ...{ consumer, instance: of, kind: 'possession' as const },
  ...{ at: now, withdrawn },
});
const evidence = (changes: Partial<EvidenceFacts> = {}): EvidenceFacts => ({
  ...{ epoch: 2, decidedAt: 0, none: undefined, evidence: [], waivers: [] },
  demands: [demand('bot'), demand('shop')],
  instances: [instance('bot', 'one'), instance('shop', 'one'), instance('shop', 'two')],
  ...changes,
});
const missing = (facts: EvidenceFacts): readonly string[] =>
  missingEvidence(facts, now).map((one) => `${one.consumer}/${one.instance ?? '*'}: ${one.why}`);

describe('what a release of the unproved waives', () => {
  it('is exactly the instances it names, of the consumer it names', () => {
    expect(missing(evidence({ released: [{ consumer: 'shop', instance: 'one' }] }))).toEqual([
      'bot/one: not proved',
      'shop/two: not proved',
    ]);
  });
  it('is a consumer as a whole only where that was missing', () => {
    const unseen = evidence({ demands: [demand('bot')], instances: [] });
    expect(missing({ ...unseen, released: [{ consumer: 'bot', instance: undefined }] })).toEqual([]);
    expect(missing({ ...unseen, released: [{ consumer: 'bot', instance: 'one' }] })).toEqual([
      'bot/*: no instance seen',
    ]);
  });
  it('is nothing that came later', () => {
    expect(missing(evidence({ released: [] }))).toHaveLength(3);
  });
});

describe('who is asked for a proof', () => {
  it('is nobody of a consumer that is waived as a whole', () => {
    expect(missing(evidence({ waivers: [{ consumer: 'shop', instance: undefined, who: 'ada' }] }))).toEqual([
      'bot/one: not proved',
    ]);
  });
  it('is no instance of another consumer', () => {
    expect(missing(evidence({ demands: [demand('bot')], evidence: [proof('bot', 'one')] }))).toEqual([]);
  });
  it('is nobody when every instance of a consumer is waived by name', () => {
    const waivers = [{ consumer: 'bot', instance: 'one', who: 'ada' }];
    expect(missing(evidence({ demands: [demand('bot')], waivers }))).toEqual([]);
  });
  it('is still the consumer when only an instance of another one is waived', () => {
    const waivers = [{ consumer: 'shop', instance: 'one', who: 'ada' }];
    const facts = evidence({ demands: [demand('bot')], instances: [instance('shop', 'one')], waivers });
    expect(missing(facts)).toEqual(['bot/*: no instance seen']);
  });
});

describe('why a proof is missing', () => {
  const bots = { demands: [demand('bot')], instances: [instance('bot', 'one'), instance('bot', 'two')] };

  it('withdrawn: by that instance alone', () => {
    expect(missing(evidence({ ...bots, evidence: [proof('bot', 'two', true)] }))).toEqual([
      'bot/one: not proved',
      'bot/two: withdrawn',
    ]);
  });
  it('not withdrawn: what another instance has proved', () => {
    expect(missing(evidence({ ...bots, evidence: [proof('bot', 'two')] }))).toEqual(['bot/one: not proved']);
  });
  it('a lease that ends now has not lapsed yet', () => {
    const at = (leaseUntil: number) =>
      missing(evidence({ ...bots, instances: [instance('bot', 'one', { leaseUntil })] }));
    expect(at(now)).toEqual(['bot/one: not proved']);
    expect(at(now - 1)).toEqual(['bot/one: lease lapsed']);
  });
});

describe('what people are told', () => {
  it('who is missing what, or that nobody is declared', () => {
    expect(missingEvidence(evidence({ demands: [demand('bot')] }), now).map(describeMissing)).toEqual([
      'bot/one: not proved (possession)',
    ]);
    const [unseen] = missingEvidence(evidence({ demands: [demand('bot')], instances: [] }), now).map(describeMissing);
    expect(unseen).toBe('bot: no instance seen (possession)');
    const [nobody] = missingEvidence(evidence({ demands: [] }), now);
    expect(nobody).toMatchObject({ consumer: '*', why: 'no consumer declared' });
    expect(evidenceMiss(evidence({ demands: [] }), now)?.why).toMatch(/^no consumer is declared: .*consumers: none/);
  });
  it('ten of many, and how many more', () => {
    const many = (count: number) =>
      evidenceMiss(
        evidence({
          demands: [demand('bot')],
          instances: Array.from({ length: count }, (_, index) => instance('bot', `i${index}`)),
        }),
        now,
      )?.why;
    expect(many(10)?.split('; ')).toHaveLength(10);
    expect(many(10)).not.toContain('more');
    expect(many(12)?.split('; ').at(-1)).toBe('and 2 more');
    expect(many(12)?.split('; ')).toHaveLength(11);
  });
  it('how long the old version was silent, in seconds, never less than none', () => {
    const facts = { kind: 'timestamp', watchingSince: 0, watchedUntil: 2_500, lastUseAt: undefined } as const;
    expect(silenceMissing({ for: 4_200 }, facts, true)).toBe('the old version was silent for 2 s of 5 s');
    expect(silenceMissing({ for: 4_200 }, { ...facts, lastUseAt: 9_000 }, true)).toContain('for 0 s of');
    expect(silenceMissing({ for: 4_200 }, undefined, true)).toBe('the old version is not watched yet');
  });
  it('which backend, which survivor, and which mode', () => {
    const standings = new Map([
      ['vault', 'behind'],
      ['aws', 'unknown'],
    ] as const);
    expect(backendsMiss(standings)?.why).toBe('backend vault is behind; backend aws is unknown');
    expect(survivorMiss('absent')?.why).toBe('the survivor is absent at the provider');
    expect(modeMiss('ask', [], 2)).toContain('release --ask');
    expect(modeMiss('observe', [], 2)).toBe('mode is observe: nothing is revoked');
  });
});

describe('releases', () => {
  const unproved = request({ kind: 'release', release: 'unproved', epoch: 2 });

  it('count beside other requests, for their own kind and epoch', () => {
    expect(releasedUnproved([request({ kind: 'pause' }), unproved], 2)).toBe(true);
    expect(releasedUnproved([], 2)).toBe(false);
    expect(releasedUnproved([{ ...unproved, kind: 'rotate' }], 2)).toBe(false);
    expect(modeMiss('ask', [{ ...unproved, kind: 'rotate', release: 'ask' }], 2)).toBeDefined();
  });
});

describe('when to ask again for silence', () => {
  it('at once where none is asked for, after all of it where nothing was read', () => {
    const facts = { kind: 'timestamp', watchingSince: 0, watchedUntil: 100, lastUseAt: undefined } as const;
    expect(silenceRemaining({ no: 'nobody listens' }, facts)).toBe(0);
    expect(silenceRemaining({ for: 700 }, undefined)).toBe(700);
  });
});
