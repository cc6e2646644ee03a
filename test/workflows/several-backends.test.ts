import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InMemoryWorld } from '../../backends/in-memory/world.ts';
import { KeybatonError } from '../../domain/errors.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import { consumer, openStage, type Play, type Stage } from '../support/rotation-world.ts';
import { until } from '../support/until.ts';

/** One credential in two that can be read and one that can only be written to (protocol 9). */
describe('a credential in several backends', () => {
  const backends = ['shelf', 'mirror', 'blind'] as const;
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
  }, 60_000);
  afterAll(() => stage.close());

  const rotated = async (play: Play): Promise<VersionId> => {
    await play.rotate();
    await play.result();
    return (await play.current()).id;
  };
  const shown = (play: Play) => backends.map((backend) => play.shown(backend));
  const worldOf = (play: Play, backend: (typeof backends)[number]): InMemoryWorld => {
    const world = play.backends[backend];
    if (world === undefined) throw new Error(`no backend ${backend}`);
    return world;
  };

  /** Until it is opened again nothing gets an answer. */
  function seal(world: InMemoryWorld): () => void {
    const sound = { ...world };
    const sealed = () => Promise.reject(new KeybatonError('UNAVAILABLE', 'the backend is sealed: unseal it'));
    Object.assign(world, { meet: sealed });
    return () => void Object.assign(world, sound);
  }

  it('is promoted in all of them under one epoch, and the one that cannot be read is given the value of another', async () => {
    const play = await stage.play({ backends });
    const version = await rotated(play);
    expect(shown(play)).toEqual([version, version, version]);
    const epochs = backends.map((backend) => worldOf(play, backend).main(play.path)?.['keybaton_epoch']);
    expect(epochs).toEqual(['1', '1', '1']);
    const staged = backends.map((backend) => worldOf(play, backend).shelf(play.path).staged.size);
    expect(staged).toEqual([1, 1, 0]);
    expect(worldOf(play, 'blind').main(play.path)?.['api_key'] === (await play.valueOf(version))).toBe(true);
  });

  it('is recorded as staged only where a copy lies: the one that cannot be read keeps none', async () => {
    const play = await stage.play({ backends, entry: { consumers: [consumer('bot')] } });
    const promoting = play.hold('promote');
    await play.rotate();
    await promoting.arrived;
    const { copies = [] } = (await play.facts()).versions[0] ?? {};
    promoting.letGo();
    const lying = copies.map(({ as, backend }) => `${as} in ${backend.split('-')[0]}`);
    expect(lying.toSorted()).toEqual(['staged in mirror', 'staged in shelf']);
    await play.result();
  });

  it('kills the old version once all show the new one, and leaves no copy of it', async () => {
    const play = await stage.play({ backends });
    const old = await rotated(play);
    const version = await rotated(play);
    expect([shown(play), play.liveVersions()]).toEqual([[version, version, version], [version]]);
    for (const backend of backends) expect(worldOf(play, backend).shelf(play.path).staged.has(old)).toBe(false);
  });

  it.each(['mirror', 'blind'] as const)(
    'waits for %s when that one is sealed: nothing is killed, and nothing undone in the others',
    async (backend) => {
      const play = await stage.play({ backends, entry: { consumers: [consumer('bot')] } });
      const old = await rotated(play);
      await play.rotate();
      await until('all show the new version', () => shown(play).every((one) => one !== undefined && one !== old));
      const next = play.shown('shelf');
      const open = seal(worldOf(play, backend));
      await play.prove('bot');
      await play.asksAgain();
      expect(play.liveVersions()).toContain(old);
      expect(shown(play)).toEqual([next, next, next]);
      open();
      await play.wake();
      expect((await play.result()).outcome).toBe('rotated');
      expect(play.liveVersions()).toEqual([next]);
    },
  );

  it('goes on in the others when one is sealed while promoting, and ends when it is open again', async () => {
    const play = await stage.play({ backends });
    const old = await rotated(play);
    const promoting = play.hold('promote');
    await play.rotate();
    await promoting.arrived;
    const open = seal(worldOf(play, 'mirror'));
    promoting.letGo();
    await until('the first one shows the new version', () => play.shown('shelf') !== old);
    expect([play.shown('mirror'), play.liveVersions().includes(old)]).toEqual([old, true]);
    open();
    await play.wake();
    await play.result();
    expect(new Set(shown(play)).size).toBe(1);
    expect(play.liveVersions()).not.toContain(old);
  });

  it('is mended by a run that drift has started, in each of them', async () => {
    const play = await stage.play({ backends });
    const version = await rotated(play);
    worldOf(play, 'mirror').shelf(play.path).generations = [];
    worldOf(play, 'blind').writeByHand(play.path, { keybaton_epoch: '0' });
    await play.rotateQuietly();
    await play.result();
    expect(shown(play)).toEqual([version, version, version]);
    expect(worldOf(play, 'blind').main(play.path)?.['keybaton_epoch']).toBe('1');
    expect((await play.facts()).epochs).toHaveLength(1);
  });

  it('never lets go of the old version for one that holds what somebody else wrote', async () => {
    const play = await stage.play({ backends });
    const old = await rotated(play);
    worldOf(play, 'mirror').writeByHand(play.path, { api_key: 'pasted-by-hand' });
    await play.rotate();
    await until('people are told', async () =>
      (await stage.ledger.openAlarms(play.id)).some(({ key }) => key.startsWith('foreign/mirror')),
    );
    expect(play.liveVersions()).toContain(old);
    expect(worldOf(play, 'mirror').main(play.path)?.['api_key']).toBe('pasted-by-hand');
    worldOf(play, 'mirror').shelf(play.path).generations.pop();
    await play.wake();
    await play.result();
    expect(play.liveVersions()).not.toContain(old);
  });
});
