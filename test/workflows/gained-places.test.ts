import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VersionId } from '../../domain/identifiers.ts';
import { openStage, type Play, type PlayOptions, type Stage } from '../support/rotation-world.ts';
import { until } from '../support/until.ts';

interface Settled {
  readonly play: Play;
  readonly current: VersionId;
  readonly backends: Play['entry']['backends'];
}

/** A place that an entry gains between two rotations is given what is current, not what comes next (protocol 3 and 9). */
describe('an entry that gains a place while nothing is due', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
  }, 60_000);
  afterAll(() => stage.close());

  /** Current in the first backend; the second one is known to targets.yml, and named by the entry from now on. */
  async function settled(options: PlayOptions = {}): Promise<Settled> {
    const play = await stage.play({ backends: ['shelf', 'attic'], ...options });
    const { backends } = play.entry;
    await play.change({ backends: backends.slice(0, 1) });
    await play.rotate();
    await play.result();
    const { id } = await play.current();
    return { play, current: id, backends };
  }

  const copies = async (play: Play, version: VersionId): Promise<readonly string[]> =>
    ((await play.facts()).versions.find(({ id }) => id === version)?.copies ?? []).map(
      ({ backend, path, as }) => `${backend.split('-')[0]} ${path} ${as}`,
    );

  it('shows the current version in a backend that was added, and records its copies there', async () => {
    const { play, current, backends } = await settled();
    await play.change({ backends });
    await play.rotateQuietly();
    await play.result();
    expect([play.shown('shelf'), play.shown('attic')]).toEqual([current, current]);
    expect((await play.facts()).epochs).toHaveLength(1);
    expect((await copies(play, current)).filter((one) => one.startsWith('attic'))).toEqual(
      expect.arrayContaining([`attic ${play.path} staged`, `attic ${play.path} main`]),
    );
    expect(await stage.ledger.openAlarms(play.id)).toEqual([]);

    // And it is erased there, too, when it dies.
    await play.rotate();
    await play.result();
    expect(play.backends['attic']?.shelf(play.path).staged.has(current)).toBe(false);
  });

  it('shows the current version at a path that has changed', async () => {
    const { play, current } = await settled();
    const path = `${play.path}/elsewhere`;
    await play.change({ backends: play.entry.backends.slice(0, 1).map((one) => ({ ...one, path })) });
    await play.rotateQuietly();
    await play.result();
    expect(play.backends['shelf']?.main(path)?.['keybaton_version']).toBe(current);
    expect(await copies(play, current)).toEqual(expect.arrayContaining([`shelf ${path} staged`]));
  });

  it('holds and tells people where no copy can be read, and a rotation that is asked for helps', async () => {
    const { play, current, backends } = await settled();
    // The entry has moved from the one to the other, where somebody had cleared up first.
    play.backends['shelf']?.shelf(play.path).staged.delete(current);
    await play.change({ backends: backends.slice(1) });
    await play.rotateQuietly();
    const alarms = async () => (await stage.ledger.openAlarms(play.id)).map(({ key }) => key.split('/')[1]);
    await until('people are told', async () => (await alarms()).includes('unstaged'));
    expect(play.liveVersions()).toEqual([current]);

    await stage.ledger.request({ kind: 'rotate', credential: play.id, who: 'test', why: 'test' });
    await play.wake();
    await until('a version that is stored everywhere is current', () => {
      const shown = play.shown('attic');
      return shown !== undefined && shown !== current;
    });
    await until('nobody is asked for anything any more', async () => !(await alarms()).includes('unstaged'));
  });
});
