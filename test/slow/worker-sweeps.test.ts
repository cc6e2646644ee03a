import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareTarget } from '../../activities/sweep/compare-target.ts';
import type { ActivityPorts } from '../../activities/ports.ts';
import { backendRegistry } from '../../backends/registry.ts';
import { credentialParts, parseCredentialId, type CredentialId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { readInventory } from '../../inventory/read.ts';
import { openLedger } from '../../ledger/open.ts';
import { sharedWorld } from '../../providers/in-memory/shared-world.ts';
import { plantKey, standingKeys, type World } from '../../providers/in-memory/world.ts';
import { providers } from '../../providers/registry.ts';
import { activityPorts } from '../../worker/activity-ports.ts';
import { inventoryAdapters } from '../../worker/inventory-adapters.ts';
import { sweepSchedule } from '../../worker/schedule.ts';
import { openSupplies } from '../../worker/supplies.ts';
import { bundleFile } from '../../worker/sweep-hooks.ts';
import { connectTemporal, type Temporal } from '../../worker/temporal.ts';
import { openInstallation, type Installation } from '../emergency/installation.ts';
import { startFake, type RunningFake } from '../fakes/start.ts';
import type { FakeDelivery, ReceiverSettings } from '../fakes/webhook-receiver/server.ts';
import { until } from '../support/until.ts';

const late = parseCredentialId('in-memory/prod/late');
const leaked = parseCredentialId('in-memory/prod/leaked');
const lost = parseCredentialId('in-memory/prod/lost');
const all = [late, leaked, lost];
const keyOf = (id: CredentialId): string => `key-of-${credentialParts(id).application}`;

const day = 86_400_000;
const adapters = { providers, backends: backendRegistry };

/** What a worker does with every sweep beside starting what is due: by `keybaton worker`, a process of its own. */
describe('a worker that sweeps', { timeout: 120_000 }, () => {
  let receiver: RunningFake<ReceiverSettings>;
  let installation: Installation;
  let world: World & { close(): void };
  let temporal: Temporal;
  let killed: string;
  let lostVersion: string | undefined;
  let leakedVersion: string | undefined;

  beforeAll(async () => {
    receiver = await startFake<ReceiverSettings>('webhook-receiver');
    installation = await openInstallation({
      targets: (folder) => targetsOf(folder, receiver.url),
      inventory,
      environment: { ADMIN: 'admin', HOOK: receiver.adminKey },
      before: async (at) => {
        world = sharedWorld(join(at.folder, 'far'));
        // Made long ago, so that all three are overdue; one was taken away at the provider, and missed once.
        await past(at, 100 * day, (ports) => importAll(ports, at.folder));
        world.change((state) => {
          state.keys = state.keys.filter(({ id }) => id !== keyOf(lost));
        });
        await past(at, 60_000, (ports) => compareTarget(ports, 'lost', AbortSignal.timeout(10_000)));
      },
    });
    temporal = await connectTemporal(installation.temporal);
    [lostVersion, leakedVersion] = await Promise.all([currentOf(lost), currentOf(leaked)]);
    await Promise.all(all.map((id) => installation.type(['pause', id, '--why', 'not today'])));
    // Killed while ledger and Temporal were away: only the journal on this disk knows of it.
    const { stdout } = await installation.type(
      ['emergency', leaked, '--direct', '--reason', 'found in a public log', '--json'],
      { KEYBATON_LEDGER: 'postgres://nobody:nothing@127.0.0.1:1/nowhere' },
    );
    // The command answers the incident under this name.
    killed = (JSON.parse(stdout) as { incident: string }).incident;
    await installation.startWorker({ KEYBATON_SWEEP_EVERY: '1s' });
  }, 100_000);
  afterAll(async () => {
    await temporal?.close();
    await installation?.close();
    world?.close();
    await receiver.stop();
  }, 60_000);

  const importAll = async (ports: ActivityPorts, folder: string): Promise<void> => {
    const read = readInventory({
      targets: targetsOf(folder, receiver.url),
      inventory,
      adapters: inventoryAdapters(adapters),
      others: [],
    });
    if (read.kind === 'refused') throw new Error(JSON.stringify(read.problems));
    const { teams, entries, targets } = read.inventory;
    await ports.ledger.applyInventory({ teams, entries, targets, actor: 'os:ada' });
    for (const credential of all) {
      const value = `value-of-${credentialParts(credential).application}`;
      plantKey(world, { id: keyOf(credential), value, at: ports.now() });
      const material = new SecretMaterial({ api_key: value }, 'api_key');
      const how = { material, refId: keyOf(credential), cannotRevoke: false, actor: 'os:ada' };
      await openSupplies(ports).import({ credential, ...how });
    }
  };

  const told = async (about: string): Promise<readonly unknown[]> =>
    // The receiver's own list, as its control port writes it.
    ((await receiver.control('GET', '/deliveries')) as readonly FakeDelivery[])
      .filter(({ event }) => event['subject'] === about)
      .map(({ event }) => event['type']);
  const standing = (): readonly string[] => standingKeys(world, Date.now()).map(({ id }) => id);
  const currentOf = async (id: CredentialId) => (await installation.ledger.facts(id)).epochs[0]?.version;
  /** Sweeps that the Schedule has started. */
  const begun = async (): Promise<number> =>
    (await temporal.client.schedule.getHandle(sweepSchedule).describe()).info.numActionsTaken;
  const incidentOf = async (why: RegExp): Promise<string | undefined> => {
    for (const incident of await installation.incidents())
      if (why.test((await installation.show(incident)).why ?? '')) return incident;
    return undefined;
  };

  it('brings the journal of an emergency without ledger and Temporal into the ledger', async () => {
    await until(
      'the ledger has the incident',
      async () => {
        const { versions } = await installation.ledger.facts(leaked);
        return versions.some(({ compromised, fate }) => compromised && fate === 'dead');
      },
      60_000,
    );
    expect(standing()).not.toContain(keyOf(leaked));
    expect(await installation.ledger.incident(killed)).toMatchObject({
      why: 'found in a public log',
      keys: 1,
      dead: 1,
    });
    expect((await installation.show(killed)).unimported).toBe(false);
    await until('it is replaced, though it was paused', async () => (await currentOf(leaked)) !== leakedVersion);
  });

  it('writes down how every key is killed without keybaton', async () => {
    const file = join(installation.home, bundleFile);
    await until('the bundle names the key', () => readIfThere(file).includes(keyOf(late)));
    expect(readIfThere(file)).not.toContain('value-of-');
  });

  it('declares an unplanned revocation over a key that vanished, and has it replaced', async () => {
    let incident: string | undefined;
    await until(
      'it is declared',
      async () => (incident = await incidentOf(/unplanned revocation/)) !== undefined,
      60_000,
    );
    await until('it is over', async () => (await installation.show(incident ?? '')).closedAt !== null, 60_000);
    expect(await installation.show(incident ?? '')).toMatchObject({ who: 'sweep', keys: 1, counts: { dead: 1 } });
    expect(await currentOf(lost)).not.toBe(lostVersion);
    await until('people are told that it is over', async () => {
      const types = await told(`alarm/${lost}/vanished/${lostVersion}`);
      return types.length === 2 && types[0] === 'keybaton.alarm.raised' && types[1] === 'keybaton.alarm.cured';
    });
  });

  it('tells of an overdue credential once, and that it is over once it was rotated', async () => {
    const about = `alarm/${late}/overdue`;
    await until('it is told', async () => (await told(about)).length > 0);
    const before = await begun();
    await until('it was swept again and again', async () => (await begun()) >= before + 3);
    expect(await told(about)).toEqual(['keybaton.alarm.raised']);
    await installation.type(['incident', 'close', killed, '--why', 'all of it is dead and replaced']);
    await installation.type(['unpause', late]);
    await until('it is told to be over', async () => (await told(about)).length > 1, 60_000);
    expect(await told(about)).toEqual(['keybaton.alarm.raised', 'keybaton.alarm.cured']);
    expect(standing()).not.toContain(keyOf(late));
  });
});

/** This process as it was then: the same installation, with a clock behind. */
async function past<Answer>(
  at: Pick<Installation, 'home' | 'key' | 'environment'>,
  ago: number,
  act: (ports: ActivityPorts) => Promise<Answer>,
): Promise<Answer> {
  const ledger = await openLedger({
    url: `sqlite:${join(at.home, 'ledger.sqlite')}`,
    clock: () => Date.now() - ago,
    killSheet: join(at.home, 'kill-sheet.json'),
  });
  const nobody = async (): Promise<void> => undefined;
  const workflows = { watchTarget: nobody, settleDebt: nobody, wakeRotation: nobody };
  try {
    return await act(activityPorts({ ledger, key: at.key, adapters, environment: at.environment, workflows }));
  } finally {
    await ledger.close();
  }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

const targetsOf = (folder: string, hook: string): string => `targets:
${['memory', 'lost']
  .map(
    (name) => `  ${name}:
    provider: in-memory
    environment: prod
    admin: env:ADMIN
    teams: [search]
    settings: { folder: ${folder}/far }
`,
  )
  .join('')}backends:
  vault:
    kind: embedded
    settings: { file: ${folder}/vault.sqlite }
notify:
  audit:
    kind: webhook
    url: ${hook}/hook
    secret: env:HOOK
`;

const inventory = `teams: [search]
credentials:
${all
  .map(
    (id) => `  ${id}:
    target: ${id === lost ? 'lost' : 'memory'}
    team: search
    schedule: { every: 90d }
    backends: [vault]
    consumers: { none: a job that reads its key anew each night }
    silence: { no: a job that reads its key anew each night }
    soak: 0s
`,
  )
  .join('')}`;
