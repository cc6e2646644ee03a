import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { plantKey, standingKeys } from '../../providers/in-memory/world.ts';
import { openSupplies } from '../../worker/supplies.ts';
import { openStage, type Play, type Stage } from '../support/rotation-world.ts';
import { until } from '../support/until.ts';

describe('a rotation whose values people supply', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
  }, 60_000);
  afterAll(() => stage.close());

  const open = (): Promise<Play> => stage.play({ powers: { keys: 'operator-supplied' } });
  const paste = async (play: Play, id: string, isReal = true): Promise<void> => {
    const value = `kbcanary-${id}-${play.id}`;
    if (isReal) plantKey(play.provider, { id, value, at: Date.now() });
    const material = new SecretMaterial({ api_key: value }, 'api_key');
    await openSupplies(stage.ports).supply(play.id, material, 'os:test');
    await play.wake();
  };
  const live = (play: Play): readonly string[] => standingKeys(play.provider, Date.now()).map((key) => key.id);

  it('waits for the value, adopts it and promotes it; the next one replaces it', async () => {
    const play = await open();
    await play.rotate();
    await play.reaches('issuing');
    await paste(play, 'key-1');
    expect((await play.result()).outcome).toBe('rotated');
    await play.rotate();
    await play.reaches('issuing');
    await paste(play, 'key-2');
    expect((await play.result()).outcome).toBe('rotated');
    expect(live(play)).toEqual(['key-2']);
    expect((await play.current()).refs).toMatchObject([{ ref: { id: 'key-2' } }]);
  });

  it('erases a value that fails, tells people, takes another, and revokes nothing that is not its own', async () => {
    const play = await open();
    plantKey(play.provider, { id: 'theirs', value: 'kbcanary-of-somebody-else', at: Date.now() });
    await play.rotate();
    await play.reaches('issuing');
    await paste(play, 'mistyped', false);
    await until('people are told', async () => (await stage.ledger.openAlarms(play.id)).length > 0);
    await until('another version waits', async () =>
      (await play.facts()).versions.some((one) => one.fate === 'pending'),
    );
    await paste(play, 'key-1');
    expect((await play.result()).outcome).toBe('rotated');
    expect(live(play)).toEqual(['theirs', 'key-1']);
    const refused = (await play.facts()).versions.find((one) => one.refused);
    expect(refused).toMatchObject({ fate: 'dead', refs: [] });
  });

  it('starts with the value when it is pasted before anybody asked for a rotation', async () => {
    const play = await open();
    await paste(play, 'key-1');
    await play.rotate();
    expect((await play.result()).outcome).toBe('rotated');
    await paste(play, 'key-2');
    await play.rotate();
    expect((await play.result()).outcome).toBe('rotated');
    expect(live(play)).toEqual(['key-2']);
  });
});
