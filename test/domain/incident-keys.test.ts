import { describe, expect, it } from 'vitest';
import { parseCredentialId, parseVersionId } from '../../domain/identifiers.ts';
import {
  afterContain,
  afterLedger,
  afterPerson,
  afterProve,
  keyOf,
  nextStep,
  openKey,
  type KeyState,
} from '../../domain/incident-keys.ts';
import { told } from '../outbound/notices.ts';
import { defaultIncidentPace as pace, type FrozenVersion, type OutcomeFacts } from '../../domain/incident.ts';

const version = parseVersionId(`kb${'a'.repeat(30)}`);
const credential = parseCredentialId('openai/prod/bot');
const frozen: FrozenVersion = {
  ...{ credential, version, target: 'prod', refs: [{ id: 'key-1' }], lateUntil: 0, fingerprint: undefined, places: [] },
  ...{ onlyByHand: false, policy: 'revoke-first', killAt: 1_000 },
};
const outcome: OutcomeFacts = {
  ...{ credential, replaced: true, confirmed: true, missing: [], person: undefined, settled: true, dependents: [] },
};
const contained: KeyState = { ...keyOf(frozen), containedAt: 1_100 };
const dead: KeyState = { ...contained, dead: { at: 1_200, grade: 'refused' } };
const trouble = { code: 'UNAVAILABLE', why: 'no answer', againIn: 0, person: false };

describe('a key of an incident', () => {
  it('is killed at its moment, or as soon as its replacement is with its consumers', () => {
    expect(nextStep(keyOf(frozen), undefined)).toEqual({ step: 'contain', at: 1_000 });
    expect(nextStep(keyOf(frozen), { ...outcome, confirmed: false })).toEqual({ step: 'contain', at: 1_000 });
    expect(nextStep(keyOf(frozen), outcome)).toEqual({ step: 'contain', at: 0 });
  });

  it('that was proved dead is looked at again only when nothing can make it live any more', () => {
    expect(nextStep(dead, undefined)).toBeUndefined();
    expect(nextStep(dead, { ...outcome, settled: false })).toBeUndefined();
    expect(nextStep(dead, outcome)).toMatchObject({ step: 'prove' });
    const again = afterProve(dead, { version, kind: 'dead', grade: 'refused', at: 2_000 }, 2_000, pace);
    expect(again.key).toMatchObject({ through: true, dead: { at: 1_200 } });
    expect(again.facts).toEqual([]);
    expect(nextStep(again.key, outcome)).toBeUndefined();
  });

  it('that is accepted again was not dead, and is killed once more', () => {
    const answer = { version, kind: 'accepted', why: 'it lives', againIn: 10, refusals: undefined } as const;
    const after = afterProve(dead, answer, 2_000, pace).key;
    expect(after).toMatchObject({ dead: undefined, containedAt: undefined, through: false });
    expect(nextStep(after, undefined)).toMatchObject({ step: 'contain' });
  });

  it('tells each trouble once, and waits longer after each', () => {
    const failed = { version, contained: false, seen: [], at: 1_000, trouble } as const;
    const first = afterContain(keyOf(frozen), failed, 1_000, pace);
    const second = afterContain(first.key, failed, 2_000, pace);
    expect(first.facts.map(({ kind }) => kind)).toEqual(['trouble']);
    expect(second.facts).toEqual([]);
    expect([first.key.again, second.key.again]).toEqual([1_500, 3_000]);
  });

  it('that only a person can kill is asked whether somebody has, in turn', () => {
    const byHand = { ...trouble, code: 'UNSUPPORTED', person: true };
    const failed = { version, contained: false, seen: [], at: 1_000, trouble: byHand } as const;
    const waiting = afterContain(keyOf(frozen), failed, 1_000, pace).key;
    expect(nextStep(waiting, undefined)).toMatchObject({ step: 'prove' });
    expect(openKey(waiting, undefined)).toMatchObject({ state: 'not contained', person: true });
    const killed = afterProve(waiting, { version, kind: 'dead', grade: 'absent', at: 2_000 }, 2_000, pace);
    expect(killed.key).toMatchObject({ containedAt: 2_000, dead: { at: 2_000 } });
  });

  describe('that nobody can ask about any more', () => {
    const unasked = { version, kind: 'cannot tell', why: 'no copy', againIn: 60_000 } as const;
    const answer = { ...unasked, refusals: undefined, unaskable: true } as const;
    const byLedger: OutcomeFacts = { ...outcome, dead: [{ version, at: 1_500, grade: 'refused' }] };

    it('is dead when the ledger says so, and nothing can make it live', () => {
      const byHand = { ...keyOf(frozen), person: true, failures: 1 };
      const asked = afterProve(byHand, answer, 2_000, pace).key;
      expect(afterLedger(asked, { ...byLedger, dead: [] }, pace)).toBeUndefined();
      expect(afterLedger(asked, { ...byLedger, settled: false }, pace)).toBeUndefined();
      const after = afterLedger(asked, byLedger, pace);
      expect(after?.key).toMatchObject({ through: true, containedAt: 1_500, dead: { at: 1_500, grade: 'refused' } });
      expect(after?.facts).toMatchObject([{ kind: 'dead', at: 1_500, grade: 'refused' }]);
    });

    it('and was proved dead before needs no second look', () => {
      const asked = afterProve(dead, answer, 2_000, pace).key;
      expect(asked).toMatchObject({ dead: { at: 1_200 }, through: false });
      const after = afterLedger(asked, byLedger, pace);
      expect(after).toMatchObject({ key: { through: true, dead: { at: 1_200 } }, facts: [] });
    });

    it('but could be asked about once more is judged by what the provider says', () => {
      const asked = afterProve(dead, answer, 2_000, pace).key;
      const accepted = { version, kind: 'accepted', why: 'it lives', againIn: 10, refusals: undefined } as const;
      const lives = afterProve(asked, accepted, 3_000, pace).key;
      expect(afterLedger(lives, byLedger, pace)).toBeUndefined();
      expect(lives).toMatchObject({ dead: undefined, containedAt: undefined });
    });
  });

  it('that only a person could kill is asked about at once when its rotation has seen it dead', () => {
    const waiting = { ...keyOf(frozen), person: true, failures: 2, again: 90_000 };
    expect(afterPerson(waiting, outcome)).toBe(waiting);
    const news = afterPerson(waiting, { ...outcome, dead: [{ version, at: 1_500, grade: 'refused' }] });
    expect(nextStep(news, undefined)).toEqual({ step: 'prove', at: 1_000 });
  });

  it('keeps what the provider listed under its tag', () => {
    const seen = [{ id: 'key-2' }];
    const after = afterContain(keyOf(frozen), { version, contained: true, seen, at: 1_100 }, 1_100, pace);
    expect(after.facts).toMatchObject([{ kind: 'contained', refs: [{ id: 'key-1' }, { id: 'key-2' }] }]);
  });

  it("is told by the provider's own name too, where one is known", () => {
    expect(openKey(keyOf(frozen), undefined)).toMatchObject({ version, keyId: 'key-1' });
    expect(openKey(keyOf({ ...frozen, refs: [] }), undefined)).not.toHaveProperty('keyId');
    const open = [openKey(keyOf(frozen), undefined)].flatMap((one) => one ?? []);
    expect(told({ kind: 'declared' }, { open }).keys).toEqual([
      { credential, version, keyId: 'key-1', state: 'not contained' },
    ]);
  });
});
