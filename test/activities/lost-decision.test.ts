import { afterEach, expect, test } from 'vitest';
import { issueAndStage } from '../../activities/issue-and-stage.ts';
import { planNewVersion } from '../../activities/plan-new-version.ts';
import { promoteAndNotify } from '../../activities/promote-and-notify.ts';
import { inMemoryBackend } from '../../backends/in-memory.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import { restoredNote } from '../../domain/reconcile.ts';
import { openRig, signal, type Rig } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());

async function made(): Promise<VersionId> {
  const provider = await rig.ports.provider('target');
  const planned = await planNewVersion(rig.ports, await rig.facts(), provider, false, signal());
  if (planned.kind !== 'done' || planned.result === undefined) throw new Error('no version was planned');
  expect(await issueAndStage(rig.ports, rig.effect(planned.result), signal())).toMatchObject({ kind: 'done' });
  return planned.result;
}

const promoted = (version: VersionId, expectedEpoch: number) =>
  promoteAndNotify(rig.ports, { ...rig.effect(version), why: 'due', expectedEpoch }, signal());

/** The backup is of the time between a version's issue and its promotion, which consumers have seen since. */
async function restored(): Promise<{ readonly old: VersionId; readonly next: VersionId }> {
  rig = await openRig();
  const old = await made();
  expect(await promoted(old, 0)).toMatchObject({ kind: 'done' });
  const next = await made();
  const call = { signal: signal(), deadline: Date.now() + 5_000, now: () => Date.now() };
  const place = { credential: rig.id, path: rig.path };
  await inMemoryBackend('shelf', rig.shelf).promote(place, { version: next, epoch: 2, expected: old }, call);
  return { old, next };
}

test('a restored ledger that knows the version which a backend shows decides on it: nobody loses it unasked', async () => {
  const { old, next } = await restored();
  await rig.ledger.remember(restoredNote, '1');
  expect(await promoted(old, 1)).toMatchObject({ kind: 'startOver' });
  const { epochs, versions } = await rig.facts();
  expect(epochs[0]).toMatchObject({ version: next, epoch: 2 });
  expect(versions.find(({ id }) => id === next)).toMatchObject({ fate: 'current', everCurrent: true });
  expect(await promoted(next, 2)).toMatchObject({ kind: 'done', result: { epoch: 2 } });
});

test('a ledger that nobody restored decides nothing for what a backend shows under a later epoch', async () => {
  const { old } = await restored();
  expect(await promoted(old, 1)).toMatchObject({ kind: 'startOver' });
  expect((await rig.facts()).epochs).toMatchObject([{ version: old, epoch: 1 }]);
});
