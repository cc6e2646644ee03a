import { afterEach, describe, expect, test } from 'vitest';
import { issueAndStage } from '../../activities/issue-and-stage.ts';
import { planNewVersion } from '../../activities/plan-new-version.ts';
import { revokeUntilDead } from '../../activities/revoke-until-dead.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { standingKeys } from '../../providers/in-memory/world.ts';
import { openRig, signal, type Rig } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());

const standing = () => standingKeys(rig.provider, Date.now()).map(({ id }) => id);

/** A create whose effect happened and whose answer was lost, where keys carry no mark. */
async function unanswered(): Promise<VersionId> {
  rig = await openRig({ powers: { tags: false }, settings: { callTimeout: 500 } });
  rig.plant('somebody-elses');
  const version = await plan();
  scriptTrouble(rig.provider, 'issue', { kind: 'lose-answer' });
  expect(await issueAndStage(rig.ports, rig.effect(version), signal())).toMatchObject({ kind: 'startOver' });
  return version;
}

async function plan(): Promise<VersionId> {
  const provider = await rig.ports.provider('target');
  const planned = await planNewVersion(rig.ports, await rig.facts(), provider, false, signal());
  if (planned.kind !== 'done' || planned.result === undefined) throw new Error('no version was planned');
  return planned.result;
}

/** As its run does: asks again as soon as it is told to. */
async function killed(version: VersionId): Promise<{ kind: string; reason?: string }> {
  for (;;) {
    const answer = await revokeUntilDead(rig.ports, rig.effect(version), signal());
    if (answer.kind !== 'wait' || answer.againIn > 60_000) return answer;
    await new Promise((resolve) => setTimeout(resolve, Math.min(answer.againIn, 200)));
  }
}

describe('a create without an answer, where keys carry no mark', () => {
  test('is the one key that the list did not show when it was planned: it dies, and no other', async () => {
    const version = await unanswered();
    expect(standing()).toHaveLength(2);
    expect(await killed(version)).toMatchObject({ kind: 'done' });
    expect(standing()).toEqual(['somebody-elses']);
    expect((await rig.facts()).versions[0]).toMatchObject({ fate: 'dead', refs: [{ ref: { id: 'key-1' } }] });
  });

  test('holds when two keys may be what it made, names both, and kills neither', async () => {
    const version = await unanswered();
    rig.plant('made-meanwhile');
    const answer = await killed(version);
    expect(answer).toMatchObject({ kind: 'wait', step: 'held' });
    expect(answer.reason).toContain('key-1, made-meanwhile');
    expect(standing()).toEqual(['somebody-elses', 'key-1', 'made-meanwhile']);
  });

  test('is never taken for a key that another version of ours is known by', async () => {
    const version = await unanswered();
    const next = await plan();
    expect(await issueAndStage(rig.ports, rig.effect(next), signal())).toMatchObject({ kind: 'done' });
    expect(await killed(version)).toMatchObject({ kind: 'done' });
    expect(standing()).toEqual(['somebody-elses', 'key-2']);
  });

  test('that never took effect is dead when the list has been asked late enough', async () => {
    rig = await openRig({ powers: { tags: false }, settings: { callTimeout: 500 } });
    rig.plant('somebody-elses');
    const version = await plan();
    scriptTrouble(rig.provider, 'issue', { kind: 'fail', code: 'AMBIGUOUS' });
    await issueAndStage(rig.ports, rig.effect(version), signal());
    expect(await killed(version)).toMatchObject({ kind: 'done' });
    expect(standing()).toEqual(['somebody-elses']);
  });
});
