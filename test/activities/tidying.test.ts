import { afterEach, describe, expect, test } from 'vitest';
import { providerCall, urgently } from '../../activities/calls.ts';
import { destroyVersion } from '../../activities/destroy-version.ts';
import { revokeUntilDead } from '../../activities/revoke-until-dead.ts';
import { KeybatonError } from '../../domain/errors.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import type { AnyProvider } from '../../providers/provider.ts';
import { openSupplies } from '../../worker/supplies.ts';
import { openRig, signal, type Rig } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());

interface Leaked {
  readonly version: VersionId;
  /** How each revoke was asked for. */
  readonly asked: readonly ('urgent' | 'at leisure')[];
}

const bring = (refId: string) =>
  openSupplies(rig.ports).import({
    ...{ credential: rig.id, material: rig.plant(refId), refId },
    ...{ cannotRevoke: false, actor: 'os:test' },
  });

/** A current version that an incident names. */
async function leaked(fails?: () => KeybatonError | undefined): Promise<Leaked> {
  const asked: ('urgent' | 'at leisure')[] = [];
  const watched = (adapter: AnyProvider): AnyProvider => ({
    ...adapter,
    revoke: async (target, ref, call) => {
      asked.push(call.urgent === true ? 'urgent' : 'at leisure');
      const failure = fails?.();
      if (failure !== undefined) throw failure;
      await adapter.revoke(target, ref, call);
    },
  });
  rig = await openRig({ adapter: watched });
  const { version } = await bring('key-1');
  await rig.ledger.declareIncident({ incident: 'i', versions: [version], who: 'test', why: 'test' });
  return { version, asked };
}

/** As an incident does it, past the rotation; consumers read another one since. */
async function died(version: VersionId): Promise<void> {
  const provider = await rig.ports.provider('target');
  await provider.revoke({ id: 'key-1' }, urgently(providerCall(rig.ports, 5_000, signal())));
  await bring('key-2');
  const about = { credential: rig.id, version, at: Date.now() };
  await rig.ledger.killFacts({
    incident: 'i',
    facts: [
      { kind: 'contained', ...about, refs: [{ id: 'key-1' }] },
      { kind: 'dead', ...about, grade: 'refused' },
    ],
  });
}

const erased = async (): Promise<boolean> => (await rig.facts()).versions[0]?.copies.every(({ gone }) => gone) === true;

describe('what leaked', () => {
  test('is revoked in a hurry by its rotation too', async () => {
    const { version, asked } = await leaked();
    await revokeUntilDead(rig.ports, rig.effect(version), signal());
    expect(asked).toEqual(['urgent']);
  });

  test('is left to an incident that has revoked it and proves it dead, for as long as that takes', async () => {
    const { version, asked } = await leaked();
    await rig.ledger.killFacts({
      incident: 'i',
      facts: [{ kind: 'contained', credential: rig.id, version, at: Date.now(), refs: [{ id: 'key-1' }] }],
    });
    expect(await revokeUntilDead(rig.ports, rig.effect(version), signal())).toMatchObject({
      kind: 'wait',
      reason: 'an incident has revoked it, and proves it dead',
    });
    expect(asked).toEqual([]);
    // Nobody is waited for for ever: one that was closed is not waited for at all.
    await rig.ledger.closeIncident({ incident: 'i', who: 'test' });
    await revokeUntilDead(rig.ports, rig.effect(version), signal());
    expect(asked).toEqual(['urgent']);
  });

  test('is tidied up after before the last of its copies is erased', async () => {
    const { version, asked } = await leaked();
    await died(version);
    await destroyVersion(rig.ports, rig.effect(version), signal());
    expect(asked).toEqual(['urgent', 'at leisure']);
    expect(await erased()).toBe(true);
  });

  test('keeps its copies, and so its next look, while the provider cannot tidy up now', async () => {
    let down = false;
    const { version } = await leaked(() => (down ? new KeybatonError('UNAVAILABLE', 'it is down') : undefined));
    await died(version);
    down = true;
    await expect(destroyVersion(rig.ports, rig.effect(version), signal())).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    expect(await erased()).toBe(false);
    down = false;
    await destroyVersion(rig.ports, rig.effect(version), signal());
    expect(await erased()).toBe(true);
  });

  test('is written down as untidy where the provider will never tidy up, and holds nothing up', async () => {
    let denied = false;
    const { version } = await leaked(() => (denied ? new KeybatonError('ACCESS_DENIED', 'not ours') : undefined));
    await died(version);
    denied = true;
    await destroyVersion(rig.ports, rig.effect(version), signal());
    expect(await erased()).toBe(true);
    const noted = (await rig.ledger.history({ limit: 100 })).filter(({ kind }) => kind === 'version.untidy');
    expect(noted.map(({ body }) => body)).toMatchObject([{ version, ref: 'key-1', code: 'ACCESS_DENIED' }]);
  });
});
