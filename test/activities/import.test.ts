import { inspect } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { planRotation } from '../../activities/plan-rotation.ts';
import { revokeUntilDead } from '../../activities/revoke-until-dead.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { showValue, standingKeys } from '../../providers/in-memory/world.ts';
import type { AnyProvider } from '../../providers/provider.ts';
import { openProofKeys } from '../../worker/proof-keys.ts';
import { openSupplies } from '../../worker/supplies.ts';
import { possessionProof, proofKey } from '../../evidence/possession.ts';
import { openRig, signal, type Rig, type RigOptions } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());

async function open(options: RigOptions = {}): Promise<void> {
  rig = await openRig(options);
}

const bring = (material: SecretMaterial, refId: string | undefined, cannotRevoke = refId === undefined) =>
  openSupplies(rig.ports).import({ credential: rig.id, material, refId, cannotRevoke, actor: 'os:test' });

async function complaint(doing: Promise<unknown>): Promise<{ code: string; text: string }> {
  try {
    await doing;
  } catch (thrown) {
    const { code, message } = thrown as { code: string; message: string };
    return { code, text: `${message} ${inspect(thrown, { depth: 10, showHidden: true })}` };
  }
  throw new Error('nothing was refused');
}

const recorded = async () => (await rig.facts()).versions.length;

describe('an existing key is imported', () => {
  test('it becomes epoch 1, current, with its ref, staged and shown to consumers under our mark', async () => {
    await open();
    const material = rig.plant('key-1');
    const { version } = await bring(material, 'key-1');
    const facts = await rig.facts();
    expect(facts.epochs).toMatchObject([{ epoch: 1, version, why: 'imported' }]);
    expect(await rig.only('current')).toMatchObject({
      issued: true,
      onlyByHand: false,
      refs: [{ ref: { id: 'key-1' }, gone: false }],
    });
    expect(rig.shelf.main(rig.path)).toEqual({
      api_key: material.revealValue(),
      keybaton_version: version,
      keybaton_epoch: '1',
    });
  });

  test('what stands at the main place by hand is taken over, and fields of others stay', async () => {
    await open();
    const material = rig.plant('key-1');
    rig.shelf.writeByHand(rig.path, { api_key: material.revealValue(), region: 'eu' });
    const { version } = await bring(material, 'key-1');
    expect(rig.shelf.main(rig.path)).toMatchObject({
      api_key: material.revealValue(),
      region: 'eu',
      keybaton_version: version,
    });
  });

  test('another value that stands there by hand is never overwritten, and the way out is to import that one', async () => {
    await open();
    rig.shelf.writeByHand(rig.path, { api_key: 'kbcanarystands' });
    const standing = rig.plant('key-2', 'kbcanarystands');
    const { code, text } = await complaint(bring(rig.plant('key-1'), 'key-1'));
    expect(code).toBe('CONFLICT');
    expect(text).not.toContain('kbcanary');
    expect(rig.shelf.main(rig.path)).toEqual({ api_key: 'kbcanarystands' });
    const { version } = await bring(standing, 'key-2');
    expect(rig.shelf.main(rig.path)).toMatchObject({ api_key: 'kbcanarystands', keybaton_version: version });
  });

  test('a rotation afterwards has nothing to do until somebody asks for it', async () => {
    await open();
    await bring(rig.plant('key-1'), 'key-1');
    const input = { credential: rig.id, run: 'run', reason: 'test', actor: 'test', rehearse: false, compromised: [] };
    expect(await planRotation(rig.ports, input, signal())).toMatchObject({ kind: 'done', result: { kind: 'ended' } });
  });

  test('consumers can prove that they hold it', async () => {
    await open();
    const material = rig.plant('key-1');
    const { version } = await bring(material, 'key-1');
    const claim = { credential: rig.id, version, epoch: 1, consumer: 'api', instance: 'one' };
    const kept = await openProofKeys(rig.ledger, rig.key).read(version);
    expect(possessionProof(kept, claim)).toBe(possessionProof(proofKey(material, version), claim));
  });

  test('it can be revoked by its ref like any other, once it is compromised', async () => {
    await open();
    const material = rig.plant('key-1');
    const { version } = await bring(material, 'key-1');
    await rig.ledger.declareIncident({ incident: 'leak', versions: [version], who: 'test', why: 'test' });
    expect(await revokeUntilDead(rig.ports, rig.effect(version), signal())).toMatchObject({ kind: 'done' });
    expect(showValue(rig.provider, material.revealValue(), Date.now())).toBe('refused');
  });

  test('a later import of another key is another epoch, and dooms the version before', async () => {
    await open();
    const first = await bring(rig.plant('key-1'), 'key-1');
    const second = await bring(rig.plant('key-2'), 'key-2');
    expect((await rig.facts()).epochs.map((one) => one.version)).toEqual([second.version, first.version]);
    expect((await rig.only('doomed')).id).toBe(first.version);
    expect(rig.shelf.main(rig.path)).toMatchObject({ keybaton_version: second.version, keybaton_epoch: '2' });
  });

  test('where the provider has a place for our mark it is written there', async () => {
    await open({ powers: { keys: 'operator-supplied' } });
    const { version } = await bring(rig.plant('key-1'), 'key-1');
    expect(standingKeys(rig.provider, Date.now())[0]?.tag).toBe(`${await rig.ledger.installation()}:${version}`);
  });
});

describe('an import that was cut short', () => {
  test('by a backend is finished by the same command', async () => {
    await open();
    const material = rig.plant('key-1');
    rig.shelf.script('sealed', { operation: 'promote' });
    expect(await complaint(bring(material, 'key-1'))).toMatchObject({ code: 'UNAVAILABLE' });
    const { version } = await bring(material, 'key-1');
    expect((await rig.facts()).epochs).toHaveLength(1);
    expect(rig.shelf.main(rig.path)).toMatchObject({ keybaton_version: version });
  });

  test('after the mark was written is finished by the same command, under the same version', async () => {
    await open({ powers: { keys: 'operator-supplied' } });
    const material = rig.plant('key-1');
    rig.shelf.script('sealed', { operation: 'stage' });
    await complaint(bring(material, 'key-1'));
    expect(await recorded()).toBe(0);
    const tag = standingKeys(rig.provider, Date.now())[0]?.tag;
    const { version } = await bring(material, 'key-1');
    expect(tag).toContain(version);
  });
});

describe('an import is refused', () => {
  test('when nothing live has the id, and when several show what was given', async () => {
    await open({
      adapter: (adapter: AnyProvider) => ({
        ...adapter,
        list: async (target, call) => (await adapter.list(target, call)).map((live) => ({ ...live, hint: 'bot' })),
      }),
    });
    const material = rig.plant('key-1');
    rig.plant('key-2');
    expect(await complaint(bring(material, 'key-3'))).toMatchObject({ code: 'NOT_FOUND' });
    expect(await complaint(bring(material, 'bot'))).toMatchObject({ code: 'CONFLICT' });
    expect(await recorded()).toBe(0);
  });

  test('when what the provider shows of the key does not fit the value', async () => {
    await open({
      adapter: (adapter: AnyProvider) => ({
        ...adapter,
        list: async (target, call) =>
          (await adapter.list(target, call)).map((live) => ({
            ...live,
            hint: `bot ${live.ref.id === 'key-1' ? 'kbca...1111' : 'kbca...2222'}`,
          })),
      }),
    });
    const material = rig.plant('key-1', 'kbcanary-1111');
    rig.plant('key-2', 'kbcanary-2222');
    const { code, text } = await complaint(bring(material, 'key-2'));
    expect(code).toBe('VERIFICATION_FAILED');
    expect(text).not.toContain('kbcanary-1111');
    await bring(material, 'kbca...1111');
    expect((await rig.only('current')).refs).toMatchObject([{ ref: { id: 'key-1' } }]);
  });

  test('when the key is a version of ours already, by value or by ref', async () => {
    await open();
    const material = rig.plant('key-1');
    await bring(material, 'key-1');
    await bring(rig.plant('key-2'), 'key-2');
    expect(await complaint(bring(material, 'key-1'))).toMatchObject({ code: 'CONFLICT' });
    expect(await complaint(bring(rig.plant('key-3'), 'key-1'))).toMatchObject({ code: 'CONFLICT' });
  });

  test('when the provider refuses the value: nothing is marked, staged or recorded', async () => {
    await open({ powers: { keys: 'operator-supplied' } });
    rig.plant('key-1');
    const wrong = new SecretMaterial({ api_key: 'kbcanarywrong' }, 'api_key');
    const { code, text } = await complaint(bring(wrong, 'key-1'));
    expect(code).toBe('VERIFICATION_FAILED');
    expect(text).not.toContain('kbcanarywrong');
    expect(standingKeys(rig.provider, Date.now())[0]?.tag).toBeUndefined();
    expect(rig.shelf.shelf(rig.path).staged.size).toBe(0);
    expect(await recorded()).toBe(0);
  });

  test('when the backend cannot be written: the provider never hears of it', async () => {
    await open({ powers: { keys: 'operator-supplied' } });
    const material = rig.plant('key-1');
    rig.shelf.script('denied', { operation: 'probe' });
    expect(await complaint(bring(material, 'key-1'))).toMatchObject({ code: 'ACCESS_DENIED' });
    expect(standingKeys(rig.provider, Date.now())[0]?.tag).toBeUndefined();
  });

  test('when the slot works already and the provider has no way to mark it', async () => {
    await open({ powers: { keys: 'dual-slot' } });
    expect(await complaint(bring(rig.plant('a'), 'a'))).toMatchObject({ code: 'UNSUPPORTED' });
    expect(await recorded()).toBe(0);
  });

  test('when it says neither how to find the key nor that nobody can', async () => {
    await open();
    expect(await complaint(bring(rig.plant('key-1'), undefined, false))).toMatchObject({ code: 'INVALID_CONFIG' });
  });
});

describe('an import without a ref', () => {
  test('says for ever that only a person can kill it, and nothing of ours ever tries', async () => {
    await open();
    const material = rig.plant('key-1');
    const { version } = await bring(material, undefined);
    expect(await rig.only('current')).toMatchObject({ onlyByHand: true, refs: [] });
    await rig.ledger.declareIncident({ incident: 'leak', versions: [version], who: 'test', why: 'test' });
    expect(await revokeUntilDead(rig.ports, rig.effect(version), signal())).toMatchObject({
      kind: 'wait',
      step: 'held',
    });
    expect(standingKeys(rig.provider, Date.now())).toHaveLength(1);
  });
});

describe('adapters that leak', () => {
  test.each(['message', 'cause', 'non-error', 'parse-error'] as const)(
    'by %s show nothing of what is imported',
    async (how) => {
      await open({ powers: { keys: 'operator-supplied' } });
      const material = rig.plant('key-1');
      for (const operation of ['verify', 'adopt', 'list'] as const) {
        scriptTrouble(rig.provider, operation, { kind: 'leak', how });
        const { text } = await complaint(bring(material, 'key-1'));
        expect(text).not.toContain(material.revealValue());
        expect(text).not.toMatch(/Bearer|"api_key"/);
      }
    },
  );

  test.each(['throw-secret', 'throw-secret-text'] as const)('a backend by %s too', async (trouble) => {
    await open();
    const material = rig.plant('key-1');
    for (const operation of ['stage', 'promote'] as const) {
      rig.shelf.script(trouble, { operation });
      expect((await complaint(bring(material, 'key-1'))).text).not.toContain(material.revealValue());
    }
    const everything = JSON.stringify([await rig.ledger.dump(), await rig.ledger.history({ limit: 1_000 })]);
    expect(everything).not.toContain(material.revealValue());
  });
});
