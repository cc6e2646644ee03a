import { afterEach, describe, expect, test } from 'vitest';
import { issueAndStage } from '../../activities/issue-and-stage.ts';
import { askOutcomes } from '../../activities/incident/ask-outcomes.ts';
import { planNewVersion } from '../../activities/plan-new-version.ts';
import { compareTarget } from '../../activities/sweep/compare-target.ts';
import { livenessOf } from '../../activities/world.ts';
import { revokeUntilDead } from '../../activities/revoke-until-dead.ts';
import { KeybatonError } from '../../domain/errors.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import { digestOf } from '../../providers/in-memory/world.ts';
import type { AnyProvider } from '../../providers/provider.ts';
import { openSupplies } from '../../worker/supplies.ts';
import { openRig, signal, type Rig } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());

/** A leaked version at a vendor that neither lists nor kills. It was brought in while the vendor still listed. */
async function leaked(): Promise<{ readonly version: VersionId; readonly value: string }> {
  let lists = true;
  const mute = (adapter: AnyProvider): AnyProvider => ({
    ...adapter,
    traits: (settings) => ({ ...adapter.traits(settings), lists: false, tagged: false }),
    list: async (target, call) => {
      const listed = await adapter.list(target, call);
      return lists ? listed : [];
    },
    revoke: () => Promise.reject(new KeybatonError('UNSUPPORTED', 'no call kills it')),
  });
  rig = await openRig({ adapter: mute });
  const material = rig.plant('key-1');
  const { version } = await openSupplies(rig.ports).import({
    ...{ credential: rig.id, material, refId: 'key-1' },
    ...{ cannotRevoke: false, actor: 'os:test' },
  });
  lists = false;
  await rig.ledger.declareIncident({ incident: 'i', versions: [version], who: 'test', why: 'test' });
  return { version, value: material.revealValue() };
}

const ask = (version: VersionId) => revokeUntilDead(rig.ports, rig.effect(version), signal());

describe('where only people kill', () => {
  test('a version is asked about until a person has killed it, and is dead without anybody saying so', async () => {
    const { version, value } = await leaked();
    expect(await ask(version)).toMatchObject({
      kind: 'wait',
      step: 'held',
      reason: expect.stringContaining('a person must delete it'),
    });
    rig.provider.change((state) => {
      const now = Date.now();
      for (const key of state.keys)
        if (key.digest === digestOf(value)) Object.assign(key, { revokedAt: now, diesAt: now });
    });
    const outcomes = async () =>
      askOutcomes(
        { ledger: async () => rig.ledger, now: Date.now },
        { incident: 'i', credentials: [{ credential: rig.id, versions: [version] }] },
      );
    expect(await outcomes()).toMatchObject([{ dead: [] }]);
    expect(await ask(version)).toMatchObject({ kind: 'done' });
    expect((await rig.facts()).versions[0]).toMatchObject({ fate: 'dead', dead: { grade: 'refused' } });
    // Its incident cannot ask about it once the copies are erased: the ledger tells it.
    expect(await outcomes()).toMatchObject([{ settled: true, dead: [{ version, grade: 'refused' }] }]);
  });

  test('without a copy of the value nobody can tell: it is never dead for not being listed', async () => {
    const { version } = await leaked();
    const [one] = (await rig.facts()).versions;
    rig.shelf.shelf(rig.path).staged.clear();
    expect(await ask(version)).toMatchObject({ kind: 'wait', reason: expect.stringContaining('cannot tell') });
    const provider = await rig.ports.provider('target');
    if (one === undefined) throw new Error('the version is gone');
    await expect(livenessOf(rig.ports, provider, [], one, signal())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('a death that is no proof yet, since a copy is left to ask with, is none to its incident', async () => {
    const { version } = await leaked();
    await rig.ledger.dead({ version, grade: 'absent' });
    expect((await rig.facts()).versions[0]).toMatchObject({ fate: 'current', dead: { grade: 'absent' } });
    const asked = { incident: 'i', credentials: [{ credential: rig.id, versions: [version] }] };
    const ports = { ledger: async () => rig.ledger, now: Date.now };
    expect(await askOutcomes(ports, asked)).toMatchObject([{ settled: true, dead: [] }]);
  });

  test('nothing of it has vanished, and nothing is stray', async () => {
    await leaked();
    expect(await compareTarget(rig.ports, 'target', signal())).toMatchObject({ keys: [], vanished: [] });
  });
});

test('people are told the steps at once, and paged when no value has come in a day', async () => {
  const steps = (adapter: AnyProvider): AnyProvider => ({ ...adapter, supplySteps: () => 'make a key at the console' });
  rig = await openRig({ powers: { keys: 'operator-supplied' }, adapter: steps });
  const provider = await rig.ports.provider('target');
  const planned = await planNewVersion(rig.ports, await rig.facts(), provider, false, signal());
  if (planned.kind !== 'done' || planned.result === undefined) throw new Error('no version was planned');
  const version = planned.result;
  const raised: { key: string; text: string; page: boolean }[] = [];
  // A day later by the ledger's clock, and nothing else of it changed.
  const asOf = (later: number) => ({
    ...rig.ports,
    ledger: {
      ...rig.ledger,
      facts: async (id: typeof rig.id) => ({ ...(await rig.ledger.facts(id)), now: Date.now() + later }),
      alarm: async (alarm: { key: string; text: string; page: boolean }) => void raised.push(alarm),
    },
  });
  for (const later of [0, 86_400_001])
    expect(await issueAndStage(asOf(later), rig.effect(version), signal())).toMatchObject({
      kind: 'wait',
      reason: expect.stringContaining('keybaton supply'),
    });
  expect(raised.map(({ key, page }) => [key.split('/')[1], page])).toEqual([
    ['wanted', false],
    ['overdue', true],
  ]);
  expect(raised.every(({ text }) => text.includes('make a key at the console'))).toBe(true);
});
