import { describe, expect, it } from 'vitest';
import { containVersions } from '../../activities/containment/contain-versions.ts';
import { proveVersions, type ProveVersion } from '../../activities/containment/prove-versions.ts';
import { KeybatonError } from '../../domain/errors.ts';
import type { Control, ProveAnswer, Refusals } from '../../domain/incident.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { newKey, plantKey } from '../../providers/in-memory/world.ts';
import { containmentRig, never, newVersion, path, tagOf, type ContainmentRig, type Minted } from './containment-rig.ts';

async function prove(rig: ContainmentRig, version: ProveVersion): Promise<ProveAnswer> {
  const ports = { ...rig.ports, sleep: async (milliseconds: number) => rig.pass(milliseconds) };
  const [answer] = await proveVersions(ports, { incident: 'i1', versions: [version] }, never());
  if (answer === undefined) throw new Error('no answer');
  return answer;
}

async function killed(rig: ContainmentRig, changes: Parameters<ContainmentRig['mint']>[0] = {}): Promise<Minted> {
  const minted = await rig.mint(changes);
  await containVersions(rig.ports, { incident: 'i1', versions: [minted.frozen] }, never());
  return minted;
}

const carried = (answer: ProveAnswer): { readonly refusals?: Refusals } =>
  answer.kind === 'dead' || answer.refusals === undefined ? {} : { refusals: answer.refusals };

const controlOf = ({ frozen }: Minted): Control => {
  if (frozen.fingerprint === undefined) throw new Error('it was issued');
  return { version: frozen.version, places: frozen.places, fingerprint: frozen.fingerprint };
};

describe('proving dead', () => {
  it('takes two refusals of the own value where nothing spreads', async () => {
    const rig = containmentRig();
    const { frozen } = await killed(rig);
    rig.calls.length = 0;
    await expect(prove(rig, frozen)).resolves.toMatchObject({ kind: 'dead', grade: 'refused' });
    expect(rig.calls).toEqual(['list', 'verify', 'verify']);
  });

  it('spreads three refusals over the window of the provider', async () => {
    const rig = containmentRig({ settings: { revokeSpread: 10_000 } });
    const { frozen } = await killed(rig);
    rig.pass(10_000);
    const answers: ProveAnswer[] = [];
    while (answers.length < 3) {
      const last = answers.at(-1);
      answers.push(await prove(rig, { ...frozen, ...(last && carried(last)) }));
      const now = answers.at(-1);
      rig.pass(now?.kind === 'dead' ? 0 : (now?.againIn ?? 0));
    }
    expect(answers.map(({ kind }) => kind)).toEqual(['refused', 'refused', 'dead']);
    expect(answers.flatMap((answer) => ('againIn' in answer ? [answer.againIn] : []))).toEqual([5_000, 5_000]);
  });

  it('does not take refusals in a row for a window that has passed', async () => {
    const rig = containmentRig({ settings: { revokeSpread: 10_000 } });
    const { frozen } = await killed(rig);
    rig.pass(10_000);
    let last: ProveAnswer = await prove(rig, frozen);
    for (let n = 0; n < 6; n += 1) last = await prove(rig, { ...frozen, ...carried(last) });
    expect(last).toMatchObject({ kind: 'refused', refusals: { count: 7 } });
  });

  it('counts anew when the provider accepts it once more: what spreads was not what it said', async () => {
    const rig = containmentRig({ settings: { revokeSpread: 10_000 } });
    const { frozen, material } = await killed(rig);
    rig.pass(10_000);
    let last = await prove(rig, frozen);
    rig.pass(5_000);
    last = await prove(rig, { ...frozen, ...carried(last) });
    plantKey(rig.world, { id: 'hidden', value: material.revealValue(), at: rig.now() });
    rig.pass(5_000);
    last = await prove(rig, { ...frozen, ...carried(last) });
    expect(last).toMatchObject({ kind: 'accepted', refusals: undefined });
    rig.world.change((state) => (state.keys = state.keys.filter(({ id }) => id !== 'hidden')));
    last = await prove(rig, { ...frozen, ...carried(last) });
    expect(last).toMatchObject({ kind: 'refused', refusals: { count: 1 } });
  });

  it('is revoked and not yet dead while the provider accepts it', async () => {
    const rig = containmentRig({ settings: { revokeSpread: 10_000 } });
    const { frozen } = await killed(rig);
    await expect(prove(rig, frozen)).resolves.toMatchObject({ kind: 'accepted', refusals: undefined });
  });

  it('counts a key that is forbidden everything as alive', async () => {
    const rig = containmentRig();
    const { frozen } = await rig.mint();
    rig.world.change((state) => state.keys.forEach((key) => (key.forbidden = true)));
    await expect(prove(rig, frozen)).resolves.toMatchObject({ kind: 'accepted' });
  });

  it('a provider that refuses everyone proves nothing: the survivor is refused too', async () => {
    const rig = containmentRig({ wrap: (provider) => ({ ...provider, verify: async () => 'refused' }) });
    const survivor = await rig.mint();
    const { frozen } = await killed(rig);
    await expect(prove(rig, { ...frozen, control: controlOf(survivor) })).resolves.toMatchObject({
      kind: 'cannot tell',
      why: expect.stringContaining('control call is not accepted'),
      refusals: undefined,
    });
  });

  it('a provider that refuses everyone proves nothing: the admin credential is refused too', async () => {
    const rig = containmentRig();
    const { frozen } = await killed(rig);
    scriptTrouble(rig.world, 'list', { kind: 'fail', code: 'ACCESS_DENIED' });
    await expect(prove(rig, frozen)).resolves.toMatchObject({
      kind: 'cannot tell',
      why: expect.stringContaining('control call is not accepted'),
      trouble: { code: 'ACCESS_DENIED', person: true },
    });
  });

  it('asks with the survivor where there is one', async () => {
    const rig = containmentRig();
    const survivor = await rig.mint();
    const { frozen } = await killed(rig);
    rig.calls.length = 0;
    await expect(prove(rig, { ...frozen, control: controlOf(survivor) })).resolves.toMatchObject({ kind: 'dead' });
    expect(rig.calls).toEqual(['list', 'verify', 'verify', 'verify']);
  });

  it('is only absent where a survivor lives that cannot be read: the admin reference stands in for it', async () => {
    const rig = containmentRig();
    const survivor = await rig.mint();
    const { frozen } = await killed(rig);
    rig.shelf.shelf(path).staged.delete(survivor.frozen.version);
    await expect(prove(rig, { ...frozen, control: controlOf(survivor) })).resolves.toMatchObject({
      kind: 'dead',
      grade: 'absent',
    });
  });

  it.each([
    ['a comment of a person', 'somebody wrote over it'],
    ['the mark of another installation', `other1:${newVersion()}`],
    ['no mark', undefined],
  ])('a slot that stands with %s is not dead, readable copy or none: nobody can tell', async (_how, tag) => {
    for (const backendDown of [false, true]) {
      const rig = containmentRig({ powers: { keys: 'dual-slot', makes: 'generate', usage: 'sample' }, backendDown });
      const { frozen } = await rig.mint();
      rig.world.change((state) => {
        const key = newKey({ id: 'a', value: 'still-accepted', at: rig.now(), ...(tag !== undefined && { tag }) });
        state.keys = [key];
      });
      await expect(prove(rig, frozen)).resolves.toMatchObject({ kind: 'listed' });
    }
  });

  it('another generation of ours in the slot is the end of the earlier one', async () => {
    const rig = containmentRig({
      powers: { keys: 'dual-slot', makes: 'generate', usage: 'sample' },
      backendDown: true,
    });
    const { frozen } = await rig.mint();
    rig.world.change((state) => {
      state.keys = [newKey({ id: 'a', value: 'next-value', tag: tagOf(newVersion()), at: rig.now() })];
    });
    await expect(prove(rig, frozen)).resolves.toMatchObject({ kind: 'dead', grade: 'absent' });
  });

  it('never takes the version itself for its own control', async () => {
    const rig = containmentRig();
    const minted = await killed(rig);
    await expect(prove(rig, { ...minted.frozen, control: controlOf(minted) })).resolves.toMatchObject({ kind: 'dead' });
  });

  it('is absent, not refused, where no backend answers', async () => {
    const rig = containmentRig({ backendDown: true });
    const { frozen } = await killed(rig);
    rig.calls.length = 0;
    await expect(prove(rig, frozen)).resolves.toMatchObject({ kind: 'dead', grade: 'absent' });
    expect(rig.calls).toEqual(['list']);
  });

  it('is absent only after the window of the provider, where nobody can ask with it', async () => {
    const rig = containmentRig({ backendDown: true, settings: { revokeSpread: 10_000 } });
    const { frozen } = await killed(rig);
    const first = await prove(rig, frozen);
    expect(first).toMatchObject({ kind: 'refused', againIn: 10_000, refusals: { of: 'absence' } });
    rig.pass(10_000);
    await expect(prove(rig, { ...frozen, ...carried(first) })).resolves.toMatchObject({
      kind: 'dead',
      grade: 'absent',
    });
  });

  it('sightings of its absence are no refusals', async () => {
    const rig = containmentRig({ settings: { revokeSpread: 10_000 } });
    const { frozen } = await killed(rig);
    rig.pass(20_000);
    const refusals: Refusals = { count: 9, firstAt: rig.now() - 20_000, of: 'absence' };
    await expect(prove(rig, { ...frozen, refusals })).resolves.toMatchObject({
      kind: 'refused',
      refusals: { count: 1 },
    });
  });

  it('another value in its place proves nothing: it is only absent', async () => {
    const rig = containmentRig();
    const { frozen } = await killed(rig);
    const envelope = rig.shelf.shelf(path).staged.get(frozen.version);
    if (envelope === undefined) throw new Error('it was staged');
    const other = new SecretMaterial({ api_key: 'somebody-pasted-this' }, 'api_key');
    rig.shelf.shelf(path).staged.set(frozen.version, { ...envelope, material: other });
    rig.calls.length = 0;
    await expect(prove(rig, frozen)).resolves.toMatchObject({ kind: 'dead', grade: 'absent' });
    expect(rig.calls).not.toContain('verify');
  });

  it('is not dead while a key with its tag is listed', async () => {
    const rig = containmentRig();
    const { frozen } = await killed(rig);
    plantKey(rig.world, { id: 'twin', value: 'twin-value', tag: tagOf(frozen.version), at: rig.now() });
    await expect(prove(rig, frozen)).resolves.toMatchObject({ kind: 'listed' });
  });

  it('is not dead while a create may still appear', async () => {
    const rig = containmentRig({ settings: { createSpread: 1_000 } });
    const { frozen } = await killed(rig);
    const open = { ...frozen, lateUntil: rig.now() + 3_000 };
    const first = await prove(rig, open);
    expect(first).toMatchObject({ kind: 'cannot tell', againIn: 4_000 });
    rig.pass(4_000);
    await expect(prove(rig, { ...open, ...carried(first) })).resolves.toMatchObject({ kind: 'dead', grade: 'refused' });
  });

  it('keeps its count when the provider does not answer', async () => {
    const rig = containmentRig({ settings: { revokeSpread: 10_000 } });
    const { frozen } = await killed(rig);
    rig.pass(10_000);
    const first = await prove(rig, frozen);
    for (const [on, code] of [
      ['list', 'UNAVAILABLE'],
      ['verify', 'RATE_LIMITED'],
    ] as const) {
      scriptTrouble(rig.world, on, { kind: 'fail', code });
      await expect(prove(rig, { ...frozen, ...carried(first) })).resolves.toMatchObject({
        kind: 'cannot tell',
        refusals: { count: 1 },
        trouble: { code, person: false },
      });
    }
  });

  it('one that only a person can kill is proved by its value', async () => {
    const rig = containmentRig();
    const { frozen } = await rig.mint({ refs: [], onlyByHand: true });
    await expect(prove(rig, frozen)).resolves.toMatchObject({ kind: 'accepted' });
    rig.world.change((state) => (state.keys = []));
    await expect(prove(rig, frozen)).resolves.toMatchObject({ kind: 'dead', grade: 'refused' });
  });

  it('cannot tell where neither a value nor a ref says which key it is', async () => {
    const rig = containmentRig({ backendDown: true });
    const { frozen } = await rig.mint({ refs: [], onlyByHand: true });
    const nobody = { kind: 'cannot tell', refusals: undefined, unaskable: true };
    await expect(prove(rig, frozen)).resolves.toMatchObject(nobody);
  });

  it('one key whose proof fails stops no other', async () => {
    const rig = containmentRig({
      wrap: (provider) => {
        let first = true;
        return {
          ...provider,
          verify: async (material, call) => {
            if (!first) return provider.verify(material, call);
            first = false;
            throw new KeybatonError('UNAVAILABLE', 'not now');
          },
        };
      },
    });
    const versions = [(await killed(rig)).frozen, (await killed(rig)).frozen, (await killed(rig)).frozen];
    const answers = await proveVersions(rig.ports, { incident: 'i1', versions }, never());
    expect(answers.map(({ kind }) => kind).toSorted()).toEqual(['cannot tell', 'dead', 'dead']);
    expect(answers.map(({ version }) => version)).toEqual(versions.map(({ version }) => version));
  });

  it('tells nothing of what leaking adapters and backends throw', async () => {
    const rig = containmentRig();
    const { frozen, material } = await killed(rig);
    for (const how of ['message', 'cause', 'non-error', 'parse-error'] as const) {
      scriptTrouble(rig.world, 'verify', { kind: 'leak', how });
      const told = JSON.stringify(await prove(rig, frozen));
      expect(told).toContain('cannot tell');
      expect(told).not.toContain(material.revealValue());
    }
    for (const trouble of ['throw-secret', 'throw-secret-text'] as const) {
      rig.shelf.script(trouble, { operation: 'read' });
      expect(JSON.stringify(await prove(rig, frozen))).not.toContain(material.revealValue());
    }
  });
});
