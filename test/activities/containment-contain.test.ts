import { describe, expect, it } from 'vitest';
import { containVersions } from '../../activities/containment/contain-versions.ts';
import type { ContainAnswer, FrozenVersion } from '../../domain/incident.ts';
import { KeybatonError } from '../../domain/errors.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { newKey, openSession, plantKey } from '../../providers/in-memory/world.ts';
import { containmentRig, installation, never, newVersion, tagOf, type ContainmentRig } from './containment-rig.ts';

const contain = (rig: ContainmentRig, versions: readonly FrozenVersion[]): Promise<readonly ContainAnswer[]> =>
  containVersions(rig.ports, { incident: 'i1', versions }, never());

const one = async (rig: ContainmentRig, version: FrozenVersion): Promise<ContainAnswer> => {
  const [answer] = await contain(rig, [version]);
  if (answer === undefined) throw new Error('no answer');
  return answer;
};

describe('containing', () => {
  it('revokes the refs that are known before it lists anything', async () => {
    const rig = containmentRig();
    const { frozen } = await rig.mint();
    await expect(one(rig, frozen)).resolves.toMatchObject({ contained: true, seen: [] });
    expect(rig.calls).toEqual([`revoke ${frozen.refs[0]?.id}`, 'list']);
    expect(rig.standing()).toEqual([]);
  });

  it('again is success', async () => {
    const rig = containmentRig();
    const { frozen } = await rig.mint();
    await one(rig, frozen);
    await expect(one(rig, frozen)).resolves.toMatchObject({ contained: true });
  });

  it('finds a twin by its tag and kills it too', async () => {
    const rig = containmentRig();
    const { frozen } = await rig.mint();
    plantKey(rig.world, { id: 'twin', value: 'twin-value', tag: tagOf(frozen.version), at: rig.now() });
    await expect(one(rig, frozen)).resolves.toMatchObject({ contained: true, seen: [{ id: 'twin' }] });
    expect(rig.standing()).toEqual([]);
  });

  it('finds a version that has no ref by its tag', async () => {
    const rig = containmentRig();
    const { frozen } = await rig.mint({ refs: [], lateUntil: rig.now() - 1 });
    const answer = await one(rig, frozen);
    expect(answer.contained).toBe(true);
    expect(answer.seen).toHaveLength(1);
    expect(rig.standing()).toEqual([]);
  });

  it('is not through while a create may still appear, and kills it when it does', async () => {
    const rig = containmentRig();
    const { frozen } = await rig.mint({ refs: [], lateUntil: rig.now() + 3_000 });
    rig.world.change((state) => {
      state.keys = [
        newKey({
          id: 'late',
          value: 'late-value',
          tag: tagOf(frozen.version),
          at: rig.now(),
          appearsAt: rig.now() + 2_000,
        }),
      ];
    });
    await expect(one(rig, frozen)).resolves.toMatchObject({
      contained: false,
      trouble: { why: 'a create of it may still appear', person: false },
    });
    rig.pass(3_001);
    await expect(one(rig, frozen)).resolves.toMatchObject({ contained: true, seen: [{ id: 'late' }] });
    expect(rig.standing()).toEqual([]);
  });

  it('leaves keys of other versions, other installations and nobody alone', async () => {
    const rig = containmentRig();
    const { frozen } = await rig.mint();
    const { frozen: other } = await rig.mint();
    plantKey(rig.world, { id: 'console', value: 'console-value', at: rig.now() });
    plantKey(rig.world, { id: 'theirs', value: 'theirs-value', tag: `other1:${frozen.version}`, at: rig.now() });
    await one(rig, frozen);
    expect(rig.standing()).toEqual([other.refs[0]?.id, 'console', 'theirs']);
  });

  it('stays done for the refs that are known when the provider will not list', async () => {
    const rig = containmentRig();
    const { frozen } = await rig.mint();
    scriptTrouble(rig.world, 'list', { kind: 'fail', code: 'UNAVAILABLE' });
    const answer = await one(rig, frozen);
    expect(answer.contained).toBe(true);
    expect(answer.trouble?.why).toContain('could not be asked for further keys');
    expect(rig.standing()).toEqual([]);
  });

  it('is not done without a list where a create was never answered', async () => {
    const rig = containmentRig();
    const { frozen } = await rig.mint({ lateUntil: rig.now() - 1 });
    scriptTrouble(rig.world, 'list', { kind: 'fail', code: 'UNAVAILABLE' });
    await expect(one(rig, frozen)).resolves.toMatchObject({ contained: false, trouble: { code: 'UNAVAILABLE' } });
  });

  it('one key whose revocation fails stops no other', async () => {
    const rig = containmentRig({
      wrap: (provider) => ({
        ...provider,
        revoke: async (ref, call) => {
          if (ref.id === 'key-3') throw new KeybatonError('UNAVAILABLE', 'not now');
          return provider.revoke(ref, call);
        },
      }),
    });
    const minted = [];
    for (let n = 0; n < 25; n += 1) minted.push((await rig.mint()).frozen);
    const answers = await contain(rig, minted);
    expect(answers.map(({ version }) => version)).toEqual(minted.map(({ version }) => version));
    expect(answers.filter(({ contained }) => !contained)).toHaveLength(1);
    expect(rig.standing()).toEqual(['key-3']);
  });

  it('waits as long as Retry-After says, and asks no more of the provider until then', async () => {
    let told = 0;
    const rig = containmentRig({
      wrap: (provider) => ({
        ...provider,
        revoke: async (ref, call) => {
          await provider.revoke(ref, call);
          if ((told += 1) > 3) throw new KeybatonError('RATE_LIMITED', 'slower', { retryAfter: 7_000 });
        },
      }),
    });
    const minted = [];
    for (let n = 0; n < 25; n += 1) minted.push((await rig.mint()).frozen);
    const answers = await contain(rig, minted);
    expect(rig.calls.length).toBeLessThan(20);
    expect(rig.calls).not.toContain('list');
    const left = answers.filter(({ contained }) => !contained);
    expect(left.every(({ trouble }) => trouble?.code === 'RATE_LIMITED' && trouble.againIn === 7_000)).toBe(true);
    expect(left.length).toBeGreaterThan(20);
  });

  it('asks the list where the answer to a revocation was lost', async () => {
    const rig = containmentRig();
    const { frozen } = await rig.mint();
    scriptTrouble(rig.world, 'revoke', { kind: 'lose-answer' });
    await expect(one(rig, frozen)).resolves.toMatchObject({ contained: true });
    expect(rig.calls.filter((call) => call.startsWith('revoke'))).toHaveLength(1);
  });

  it('revokes once more where the answer was lost and the list still shows it', async () => {
    let first = true;
    const rig = containmentRig({
      wrap: (provider) => ({
        ...provider,
        revoke: async (ref, call) => {
          if (!first) return provider.revoke(ref, call);
          first = false;
          throw new KeybatonError('AMBIGUOUS', 'no answer');
        },
      }),
    });
    const { frozen } = await rig.mint();
    await expect(one(rig, frozen)).resolves.toMatchObject({ contained: true });
    expect(rig.standing()).toEqual([]);
  });

  it('does not believe a lost answer where the list cannot be asked', async () => {
    const rig = containmentRig();
    const { frozen } = await rig.mint();
    scriptTrouble(rig.world, 'revoke', { kind: 'lose-answer' });
    scriptTrouble(rig.world, 'list', { kind: 'fail', code: 'UNAVAILABLE' });
    await expect(one(rig, frozen)).resolves.toMatchObject({ contained: false, trouble: { code: 'AMBIGUOUS' } });
  });

  it('suspends as a brake what it is not able to revoke, and tells a person how to', async () => {
    const rig = containmentRig({
      wrap: (provider) => ({
        ...provider,
        revoke: async () => {
          throw new KeybatonError('UNSUPPORTED', 'this vendor deletes nothing');
        },
      }),
    });
    const { frozen } = await rig.mint();
    const answer = await one(rig, frozen);
    expect(answer).toMatchObject({ contained: false, trouble: { code: 'UNSUPPORTED', person: true } });
    expect(answer.trouble?.why).toContain('suspended meanwhile');
    expect(answer.trouble?.why).toContain(`revoke key ${frozen.refs[0]?.id}`);
    expect(rig.world.change((state) => state.keys[0]?.disabled)).toBe(true);
  });

  it('says at once which key only a person can kill', async () => {
    const rig = containmentRig();
    const { frozen } = await rig.mint({ refs: [], onlyByHand: true, version: newVersion() });
    await expect(one(rig, frozen)).resolves.toMatchObject({ contained: false, trouble: { person: true } });
  });

  it('says so where an unanswered create left nothing to find it by', async () => {
    const rig = containmentRig({ powers: { tags: false } });
    const { frozen } = await rig.mint({ refs: [], lateUntil: rig.now() - 1 });
    const answer = await one(rig, frozen);
    expect(answer).toMatchObject({ contained: false, trouble: { person: true } });
    expect(answer.trouble?.why).toContain('carry no tag');
  });

  it('names a target that is not known, for each of its keys, and goes on with the others', async () => {
    const rig = containmentRig();
    const { frozen } = await rig.mint();
    const { frozen: lost } = await rig.mint({ target: 'gone' });
    const answers = await contain(rig, [lost, frozen]);
    expect(answers).toMatchObject([
      { version: lost.version, contained: false, trouble: { code: 'NOT_FOUND', person: true } },
      { version: frozen.version, contained: true },
    ]);
  });

  it('leaves an adapter behind that never answers, and says so', async () => {
    const rig = containmentRig({
      settings: { callTimeout: 50 },
      wrap: (provider) => ({
        ...provider,
        // Ignores its signal, as no adapter should.
        revoke: (ref, call) => (ref.id === 'key-1' ? new Promise(() => undefined) : provider.revoke(ref, call)),
      }),
    });
    const { frozen: hanging } = await rig.mint();
    const { frozen } = await rig.mint();
    const answers = await contain(rig, [hanging, frozen]);
    expect(answers).toMatchObject([{ contained: false, trouble: { code: 'AMBIGUOUS' } }, { contained: true }]);
  });

  it('tells nothing of what a leaking adapter throws', async () => {
    const rig = containmentRig();
    const { frozen, material } = await rig.mint();
    const second = await rig.mint();
    for (const how of ['message', 'cause', 'non-error', 'parse-error'] as const) {
      scriptTrouble(rig.world, 'revoke', { kind: 'leak', how }, 2);
      scriptTrouble(rig.world, 'list', { kind: 'leak', how });
      const told = JSON.stringify(await contain(rig, [frozen, second.frozen]));
      expect(told).not.toContain('"admin"');
      expect(told).not.toContain('Bearer');
      expect(told).not.toContain(material.revealValue());
    }
  });
});

describe('containing in slots', () => {
  const slots = { keys: 'dual-slot', makes: 'generate', usage: 'sample' } as const;

  it('takes another generation of ours in the slot for the end of the earlier one', async () => {
    const rig = containmentRig({ powers: slots });
    const { frozen } = await rig.mint();
    const next = newVersion();
    rig.world.change((state) => {
      state.keys = [newKey({ id: 'a', value: 'next-value', tag: `${installation}:${next}`, at: rig.now() })];
    });
    await expect(one(rig, frozen)).resolves.toMatchObject({ contained: true });
    expect(rig.standing()).toEqual(['a']);
  });

  it('cannot tell whose a slot without our mark is: a person must, and it is left alone', async () => {
    const rig = containmentRig({ powers: slots });
    const { frozen } = await rig.mint();
    rig.world.change((state) => {
      state.keys = [newKey({ id: 'a', value: 'by-hand', at: rig.now() })];
    });
    await expect(one(rig, frozen)).resolves.toMatchObject({
      contained: false,
      trouble: { code: 'CONFLICT', person: true },
    });
    expect(rig.world.change((state) => state.keys[0]?.disabled)).toBe(false);
    expect(rig.standing()).toEqual(['a']);
  });

  it('ends what a thief holds open', async () => {
    const rig = containmentRig({ powers: slots });
    const { frozen, material } = await rig.mint();
    const session = openSession(rig.world, material.revealValue(), rig.now());
    await one(rig, frozen);
    expect(session.isOpen()).toBe(false);
  });
});
