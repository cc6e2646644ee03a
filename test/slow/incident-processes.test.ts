import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openInstallation, type Installation } from '../emergency/installation.ts';
import { crowdInventory, crowdTargets, plantCrowd, seenAt, type CrowdKey } from '../emergency/key-crowd.ts';
import type { OpenAiSettings } from '../fakes/openai/state.ts';
import { startFake, type RunningFake } from '../fakes/start.ts';
import { until } from '../support/until.ts';

const size = { projects: 1, perProject: 6, versions: 1 };

/** The command line, the worker and the provider as processes of their own. */
describe('emergencies by the command line', { timeout: 240_000 }, () => {
  let fake: RunningFake<OpenAiSettings>;
  let installation: Installation;
  let crowd: readonly CrowdKey[];
  beforeAll(async () => {
    fake = await startFake<OpenAiSettings>('openai');
    installation = await openInstallation({
      targets: crowdTargets(fake, size, { revokeSpread: 0 }),
      inventory: crowdInventory(size),
      environment: { OPENAI_ADMIN: fake.adminKey },
    });
    crowd = await plantCrowd(installation, fake, size);
    await installation.startWorker();
  }, 120_000);
  afterAll(async () => {
    await installation.close();
    await fake.stop();
  }, 60_000);

  const declare = async (keys: readonly CrowdKey[]): Promise<string> => {
    const ids = keys.map(({ credential }) => credential);
    const { stdout } = await installation.type(['emergency', ...ids, '--reason', 'a test', '--no-wait', '--json']);
    // The command answers the incident under this name.
    return (JSON.parse(stdout) as { incident: string }).incident;
  };

  it('overlap at once: each kills its own set, and closing one closes nothing of the other', async () => {
    const [left, right] = await Promise.all([declare(crowd.slice(0, 3)), declare(crowd.slice(1, 4))]);
    await installation.type(['incident', 'close', left, '--why', 'it is in the other one']);
    await until('one is closed', async () => (await installation.show(left)).closedAt !== null, 60_000);
    await until('the other is through', async () => (await installation.show(right)).counts.dead === 3, 60_000);
    const seen = await seenAt(fake);
    for (const { id } of crowd.slice(1, 4)) expect(seen.get(id)?.works).toBe(false);
    for (const { id } of crowd.slice(4)) expect([seen.get(id)?.works, seen.get(id)?.kills]).toEqual([true, 0]);
    expect((await installation.show(right)).counts.dead).toBe(3);
  });

  it('call nothing dead while the provider answers 401 to everyone, least of all a revoked key that still works', async () => {
    const [revoked, untouched] = [crowd[4], crowd[5]];
    if (revoked === undefined || untouched === undefined) throw new Error('too few keys');
    const works = async (key: CrowdKey) => (await seenAt(fake)).get(key.id)?.works;
    const fate = async ({ credential, version }: CrowdKey) =>
      (await installation.ledger.facts(credential)).versions.find((one) => one.id === version)?.fate;

    // Deleted, and accepted for ten minutes more.
    await fake.settings({ spread: { create: 0, revoke: 600_000 } });
    const first = await declare([revoked]);
    await until('it is revoked', async () => (await installation.show(first)).counts.contained === 1, 60_000);
    expect(await works(revoked)).toBe(true);

    await fake.faults({ refuseEveryone: true });
    const second = await declare([untouched]);
    await until('it has been tried', async () => (await installation.show(second)).open.length > 0, 60_000);
    const why = async () => (await installation.show(first)).open.map((one) => one.why).join();
    await until('it says that nothing can be told', async () => (await why()).includes('cannot tell'), 60_000);
    // More often than it takes refusals to be dead.
    const refused = async () => (await fake.activity()).requests.filter(({ status }) => status === 401).length;
    const before = await refused();
    await until('it has asked again and again', async () => (await refused()) > before + 3, 90_000);
    expect((await installation.show(first)).counts).toMatchObject({ contained: 1, dead: 0 });
    expect((await installation.show(second)).counts).toMatchObject({ contained: 0, dead: 0 });
    expect(await works(revoked)).toBe(true);
    expect(await fate(revoked)).not.toBe('dead');

    await fake.settings({ spread: { create: 0, revoke: 0 } });
    await fake.faults({ refuseEveryone: false });
    for (const [incident, key] of [[first, revoked] as const, [second, untouched] as const]) {
      await until('it is dead', async () => (await installation.show(incident)).counts.dead === 1, 90_000);
      expect(await works(key)).toBe(false);
    }
  });
});
