import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VersionId } from '../../domain/identifiers.ts';
import { consumer, openStage, type Play, type Stage } from '../support/rotation-world.ts';
import { until } from '../support/until.ts';

/** What an entry is changed to does not empty the places that it named before (protocol 3 and 9). */
describe('a version whose copies lie where its entry keeps nothing any more', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
  }, 60_000);
  afterAll(() => stage.close());

  /** Rotated twice in both backends, so that the second one is current when the entry changes. */
  async function settled(): Promise<{ play: Play; old: VersionId; backends: Play['entry']['backends'] }> {
    const play = await stage.play({ backends: ['shelf', 'attic'], entry: { consumers: [consumer('bot')] } });
    await play.rotate();
    await play.result();
    await play.beat('bot');
    await play.rotate();
    await play.reaches('confirming');
    const old = (await play.facts()).versions[0]?.id;
    if (old === undefined) throw new Error('nothing was issued');
    return { play, old, backends: play.entry.backends };
  }

  /** Names under which every copy of a version lies there: its staged envelope, and what readers of the path see or saw. */
  const copiesIn = (play: Play, backend: string, version: VersionId, path = play.path): readonly string[] => {
    const { staged, generations } = play.backends[backend]?.shelf(path) ?? raiseNoBackend(backend);
    return [
      ...(staged.has(version) ? ['staged'] : []),
      ...generations.filter((one) => one['keybaton_version'] === version).map(() => 'main'),
    ];
  };
  const alarms = async (play: Play): Promise<string> =>
    (await stage.ledger.openAlarms(play.id)).map((alarm) => `${alarm.key}: ${alarm.text}`).join('\n');
  const version = async (play: Play, id: VersionId) => (await play.facts()).versions.find((one) => one.id === id);

  it('is erased in a backend that the entry named until the rotation was under way', async () => {
    const { play, old, backends } = await settled();
    expect(copiesIn(play, 'attic', old)).toEqual(['staged', 'main']);
    await play.change({ backends: backends.slice(0, 1) });
    await play.prove('bot');
    expect((await play.result()).outcome).toBe('rotated');
    expect([copiesIn(play, 'shelf', old), copiesIn(play, 'attic', old)]).toEqual([[], []]);
    expect((await version(play, old))?.copies.every((copy) => copy.gone)).toBe(true);
    expect(await alarms(play)).toBe('');
  });

  it('is erased at a path that the entry named until the rotation was under way', async () => {
    const { play, old, backends } = await settled();
    const held = play.hold('revoke');
    await play.prove('bot');
    await held.arrived;
    await play.change({ backends: backends.map((one) => ({ ...one, path: `${play.path}/elsewhere` })) });
    held.letGo();
    await until('its copies are erased', async () =>
      ((await version(play, old))?.copies ?? []).every((copy) => copy.gone),
    );
    expect([copiesIn(play, 'shelf', old), copiesIn(play, 'attic', old)]).toEqual([[], []]);
  });

  it('stays on record where targets.yml has lost the backend, pages, ends the rotation, and is erased when it is back', async () => {
    const { play, old, backends } = await settled();
    const applied = (await stage.ledger.inventory()).targets;
    const attic = backends[1]?.backend ?? '';
    const entries = [{ ...play.entry, backends: backends.slice(0, 1) }];
    const apply = (targets: unknown) =>
      stage.ledger.applyInventory({ teams: [play.entry.team], entries, targets, actor: 'test' });
    // Only the file is changed: what it holds was made by the stage.
    const { [attic]: lost, ...kept } = (applied as { backends: Record<string, unknown> }).backends;
    expect(lost).toBeDefined();
    await apply({ ...(applied as object), backends: kept });
    const isGone = stage.ports.backend.bind(stage.ports, attic);
    await until('the worker has read the file', () =>
      isGone().then(
        () => false,
        () => true,
      ),
    );
    await play.prove('bot');
    expect((await play.result()).outcome).toBe('rotated');
    expect(copiesIn(play, 'attic', old)).toEqual(['staged', 'main']);
    expect((await version(play, old))?.copies.filter((copy) => !copy.gone)).not.toEqual([]);
    expect(await alarms(play)).toContain(
      `backend ${attic}, which targets.yml no longer has, keeps one at ${play.path}`,
    );

    await apply(applied);
    await play.rotate();
    await play.reaches('confirming');
    await play.prove('bot');
    await play.result();
    expect(copiesIn(play, 'attic', old)).toEqual([]);
    expect(await alarms(play)).not.toContain(`copy/${old}`);
  });

  it('is not erased under its readers: people are told where the entry left a place that still shows it', async () => {
    const { play, backends } = await settled();
    await play.prove('bot');
    await play.result();
    const left = (await play.current()).id;
    await play.change({ backends: backends.slice(0, 1) });
    await play.rotate();
    await play.reaches('confirming');
    await play.prove('bot');
    expect((await play.result()).outcome).toBe('rotated');
    expect(await alarms(play)).toContain('which the entry has left: delete it there');
    expect(play.shown('attic')).toBe(left);
    expect(play.liveVersions()).not.toContain(left);

    // Somebody deletes what readers saw.
    (play.backends['attic']?.shelf(play.path) ?? raiseNoBackend('attic')).generations = [];
    await play.rotate();
    await play.reaches('confirming');
    await play.prove('bot');
    await play.result();
    expect(copiesIn(play, 'attic', left)).toEqual([]);
    expect(await alarms(play)).not.toContain(`copy/${left}`);
  });
});

function raiseNoBackend(name: string): never {
  throw new Error(`no backend ${name}`);
}
