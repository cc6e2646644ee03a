import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCredentialId } from '../../domain/identifiers.ts';
import type { Program } from '../../scripts/servers/program.ts';
import { connectTemporal, rotations, type Temporal } from '../../worker/temporal.ts';
import { openInstallation, type Installation } from '../emergency/installation.ts';
import type { Faults } from '../fakes/faults.ts';
import { startFake, type RunningFake } from '../fakes/start.ts';
import { until as untilWithin } from '../support/until.ts';

/** A killed worker is missed after seconds, and what it did is done again by another that has to start first. */
const until = (what: string, holds: () => Promise<boolean>): Promise<void> => untilWithin(what, holds, 80_000);

/** One vendor whose admin credentials are made by an API, and whose keys those open. */
export interface AdminVendor {
  readonly fake: 'openai' | 'pinecone';
  /** Providers of the admin credential and of the keys that it makes. */
  readonly admin: string;
  readonly keys: string;
  /** The credential that people keep, as its reference is read. */
  readonly breakGlass: (adminKey: string) => string;
  /** Settings of both targets, in YAML. */
  readonly adminSettings: (url: string) => string;
  readonly keySettings: (url: string) => string;
  /** Ids of the admin credentials that live. */
  readonly admins: (fake: RunningFake<object>) => Promise<readonly string[]>;
  /** The fake's names for: listing keys, deleting an admin credential. */
  readonly listKeys: string;
  readonly deleteAdmin: string;
  /** Nothing that is made with an admin credential dies. Undefined: that it is replaced last is not looked at here. */
  readonly nothingDies?: Partial<Faults>;
}

/** The admin credential of a vendor's targets, rotated at its fake by command, worker and Temporal as people run them. */
export function rotatesItsAdmin(vendor: AdminVendor): void {
  const root = parseCredentialId(`${vendor.admin}/prod/root`);
  const bot = parseCredentialId(`${vendor.keys}/prod/bot`);

  describe(`an admin credential of ${vendor.fake} that keybaton rotates`, { timeout: 240_000 }, () => {
    let fake: RunningFake<object>;
    let installation: Installation;
    let temporal: Temporal;
    let worker: Program;

    beforeAll(async () => {
      fake = await startFake<object>(vendor.fake);
      installation = await openInstallation({
        targets: (folder) => targetsOf(vendor, folder, fake.url),
        inventory: inventoryOf(vendor),
        environment: { BREAK_GLASS: vendor.breakGlass(fake.adminKey) },
      });
      temporal = await connectTemporal(installation.temporal);
      worker = await installation.startWorker();
    }, 120_000);
    afterAll(async () => {
      await temporal?.close();
      await installation?.close();
      await fake?.stop();
    }, 120_000);

    const facts = (id = root) => installation.ledger.facts(id);
    const runs = () => rotations(async () => temporal, installation.temporal.address);
    const wake = (id = root) => runs().wake(id);
    const rotate = async (id: string): Promise<void> => {
      const typed = await installation.type(['rotate', id, '--why', 'a test']);
      expect([typed.exit, typed.stderr]).toEqual([0, expect.any(String)]);
    };
    const waitsFor = async (): Promise<string> => (await runs().status(root))?.waitsFor ?? '';
    const settled = (id: typeof root, epoch: number): Promise<void> =>
      until(`${id} is at epoch ${epoch} and quiet`, async () => {
        const { epochs, openRun, versions } = await facts(id);
        const owed = versions.some(({ fate }) => fate === 'doomed' || fate === 'pending');
        return epochs[0]?.epoch === epoch && openRun === undefined && !owed;
      });
    const refOf = async (epoch: number): Promise<string> => {
      const { epochs, versions } = await facts();
      const version = epochs.find((one) => one.epoch === epoch)?.version;
      return versions.find(({ id }) => id === version)?.refs[0]?.ref.id ?? expect.fail(`epoch ${epoch} has no ref`);
    };
    const proofs = async () => {
      const { evidence } = await installation.ledger.evidence(root);
      return evidence
        .filter(({ withdrawn }) => !withdrawn)
        .map(({ consumer, instance }) => `${consumer}/${instance}`)
        .toSorted();
    };
    /** What keybaton did there with the newest version, as the ledger tells it. */
    const doneAt = async (target: string): Promise<unknown> => {
      const events = await installation.ledger.history({ credential: root, limit: 1_000 });
      return events.findLast(({ kind, body }) => kind === 'evidence.recorded' && body['instance'] === target)?.body[
        'why'
      ];
    };
    async function killWorker(): Promise<void> {
      await worker.kill();
      worker = await installation.startWorker();
    }

    it('is made with the one that people keep, and opens its targets', async () => {
      await rotate(root);
      await settled(root, 1);
      await rotate(bot);
      await settled(bot, 1);
      // What is dead afterwards is what a new admin credential shows its right to kill at.
      await rotate(bot);
      await settled(bot, 2);
      expect(await vendor.admins(fake)).toEqual([await refOf(1)]);
    });

    it('lives on until its successor has worked at each target, whatever becomes of the worker', async () => {
      await fake.faults({ failNext: { operation: vendor.listKeys, count: 100_000, status: 403 } });
      await rotate(root);
      await until('it is told what stands in the way', async () =>
        (await waitsFor()).includes('bots: nothing could be done'),
      );
      const both = [await refOf(1), await refOf(2)].toSorted();
      expect((await vendor.admins(fake)).toSorted()).toEqual(both);
      expect(await proofs()).toEqual(['keybaton/organization']);

      await killWorker();
      await wake();
      await until('it is told again', async () => (await waitsFor()).includes('bots: nothing could be done'));
      expect((await vendor.admins(fake)).toSorted()).toEqual(both);

      await fake.faults({ failNext: null, hold: [vendor.deleteAdmin] });
      await wake();
      await until('the kill has no answer yet', async () => (await fake.activity()).held.includes(vendor.deleteAdmin));
      expect(await proofs()).toEqual(['keybaton/bots', 'keybaton/organization']);
      expect(await doneAt('bots')).toMatch(/^listed its keys and revoked \S+ again with it$/);
      await killWorker();
      await fake.faults({ hold: [] });
      await settled(root, 2);
      expect(await vendor.admins(fake)).toEqual([await refOf(2)]);
    });

    const { nothingDies } = vendor;
    if (nothingDies === undefined) return;
    it('is replaced last: what rotates or dies at its targets goes first, and goes on with it', async () => {
      await fake.faults(nothingDies);
      await rotate(bot);
      await until('its kill is owed', async () =>
        (await facts(bot)).versions.some(
          ({ fate, authorisedEpoch }) => fate === 'doomed' && authorisedEpoch !== undefined,
        ),
      );
      await rotate(root);
      await until('it says for whom it waits', async () =>
        (await waitsFor()).includes(
          `an admin credential is replaced last, and in 1440 min in any case: ${bot} is rotating`,
        ),
      );
      expect((await facts()).epochs[0]?.epoch).toBe(2);
      expect((await facts()).openRun).toBeUndefined();
      await fake.faults({ failNext: null });
      await wake(bot);
      await settled(bot, 3);
      await wake();
      await settled(root, 3);
      expect(await vendor.admins(fake)).toEqual([await refOf(3)]);
    });
  });
}

const targetsOf = (vendor: AdminVendor, folder: string, url: string): string => {
  const opened = `environment: prod
    admin: credential:${vendor.admin}/prod/root
    secondAdmin: env:BREAK_GLASS
    teams: [bots]`;
  return `targets:
  organization:
    provider: ${vendor.admin}
    ${opened}
    settings: { ${vendor.adminSettings(url)}, ${quick} }
  bots:
    provider: ${vendor.keys}
    ${opened}
    settings: { ${vendor.keySettings(url)}, ${quick} }
backends:
  own:
    kind: embedded
    settings: { file: ${folder}/vault.db }
`;
};

const quick = 'createSpread: 0, revokeSpread: 0, lateCreate: 0';

const inventoryOf = (vendor: AdminVendor): string => `teams: [bots]
credentials:
  ${vendor.admin}/prod/root:
    target: organization
    team: bots
    schedule: { every: 30d }
    backends: [own]
    consumers: [{ name: keybaton, demand: possession }]
    silence: { no: the keys of this test are not watched }
    soak: 0s
    emergency: { policy: replace-first, bound: 5m }
  ${vendor.keys}/prod/bot:
    target: bots
    team: bots
    schedule: { every: 90d }
    backends: [own]
    consumers: { none: nobody uses what this test makes }
    silence: { no: the keys of this test are not watched }
    soak: 0s
`;
