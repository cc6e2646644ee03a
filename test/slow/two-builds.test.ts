import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCredentialId } from '../../domain/identifiers.ts';
import type { RotationResult } from '../../domain/rotation.ts';
import { openLedger } from '../../ledger/open.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { sharedWorld } from '../../providers/in-memory/shared-world.ts';
import { standingKeys } from '../../providers/in-memory/world.ts';
import { startScript } from '../../scripts/servers/child-process.ts';
import type { Program } from '../../scripts/servers/program.ts';
import { startTemporalServer, type TemporalServer } from '../../scripts/servers/temporal-server.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { findNode24, root } from '../../scripts/setup/places.mjs';
import { connectTemporal, rotations, type Temporal } from '../../worker/temporal.ts';
import { olderBuild, type OlderBuild } from '../support/older-build.ts';
import { runToEnd, type Ran } from '../support/run-to-end.ts';
import { until } from '../support/until.ts';

const id = parseCredentialId('in-memory/test/app');
const ours = join(root, 'bin', 'keybaton.js');

/** An update in the middle of a rotation: workers of two builds poll the same queues, each a process of its own. */
describe('workers of two builds', { timeout: 300_000 }, () => {
  const folder = temporaryFolder('two-builds');
  const world = join(folder.path, 'world');
  let server: TemporalServer;
  let temporal: Temporal;
  let ledger: Ledger;
  let older: OlderBuild;
  let environment: Record<string, string>;
  const running = new Set<Program>();

  beforeAll(async () => {
    older = olderBuild();
    server = await startTemporalServer();
    environment = {
      KEYBATON_HOME: join(folder.path, 'home'),
      TEMPORAL_ADDRESS: server.address,
      TEMPORAL_NAMESPACE: server.namespace,
      IN_MEMORY_ADMIN: 'admin',
    };
    writeFileSync(join(folder.path, 'targets.yml'), targets(folder.path, world));
    writeFileSync(join(folder.path, 'inventory.yml'), inventory);
    const applied = await keybaton('apply');
    expect([applied.stderr, applied.status]).toEqual(['', 0]);
    temporal = await connectTemporal(server);
    ledger = await openLedger({ url: `sqlite:${join(folder.path, 'home', 'ledger.sqlite')}` });
  }, 120_000);

  afterAll(async () => {
    for (const worker of running) await worker.stop();
    await ledger.close();
    await temporal.close();
    await server.stop();
    older.remove();
    folder.remove();
  }, 60_000);

  async function startWorker(command: string): Promise<Program> {
    const worker = await startScript({ file: command, args: ['worker'], cwd: folder.path, env: environment });
    running.add(worker);
    await worker.printed(/worker polls/);
    return worker;
  }

  const keybaton = (...args: readonly string[]): Promise<Ran> =>
    runToEnd(findNode24() ?? process.execPath, [ours, ...args], {
      cwd: folder.path,
      env: { ...process.env, ...environment },
    });

  const handle = () => temporal.client.workflow.getHandle(`rotation/${id}`);
  const result = (): Promise<RotationResult> => handle().result() as Promise<RotationResult>;
  const live = (): number => {
    const opened = sharedWorld(world);
    const keys = standingKeys(opened, Date.now()).filter((key) => !key.disabled);
    opened.close();
    return keys.length;
  };
  /** What `status --json` says of the run that it could not ask. */
  const trouble = async (): Promise<string> =>
    (JSON.parse((await keybaton('status', id, '--json')).stdout) as { trouble: string | null }).trouble ?? '';
  const epochs = async (): Promise<number> => (await ledger.facts(id)).epochs.length;
  async function prove(): Promise<void> {
    const who = { credential: id, consumer: 'bot', instance: 'one' };
    await ledger.beat({ ...who, boot: 'first', lease: 600_000 });
    await ledger.prove({ ...who, epoch: await epochs(), kind: 'possession', actor: 'consumer:bot' });
    await rotations(async () => temporal, server.address).wake(id);
  }

  it('say so at their start and to doctor, and a rotation that only one can go on with waits for it and loses nothing', async () => {
    const newer = await startWorker(ours);
    expect((await keybaton('rotate', id, '--wait')).status).toBe(0);
    await ledger.beat({ credential: id, consumer: 'bot', instance: 'one', boot: 'first', lease: 600_000 });
    expect((await keybaton('rotate', id)).status).toBe(0);
    await until('the new version is current', async () => (await epochs()) === 2);

    const beside = await startWorker(older.command);
    expect(beside.output()).toMatch(/workers of another build poll too: \d+\.\d+\.\d+\/[0-9a-f]{12} \(keybaton/);
    expect(beside.output()).toContain('start the newer workers, then stop the older ones');
    const doctor = JSON.parse((await keybaton('doctor', '--json')).stdout) as {
      findings: readonly Record<string, string>[];
    };
    const workers = doctor.findings.filter(({ subject }) => subject === 'workers');
    expect(workers.at(-1)).toMatchObject({ verdict: 'warning', text: expect.stringContaining('2 builds poll') });

    // The proof finds only the older worker there: its steps are others, so Temporal takes none of its answers.
    await newer.stop();
    await prove();
    await until('the older worker has tried and failed', async () => {
      await rotations(async () => temporal, server.address).wake(id);
      const { events } = await handle().fetchHistory();
      return events?.some((event) => Boolean(event.workflowTaskFailedEventAttributes)) ?? false;
    });
    expect(live()).toBe(2);
    expect(await trouble()).toContain('start the newer workers');

    await startWorker(ours);
    expect((await result()).outcome).toBe('rotated');
    expect(live()).toBe(1);
    expect((await ledger.facts(id)).versions.map((one) => one.fate)).toEqual(['dead', 'current']);
  });

  it('end a rotation that begins while both poll, whoever takes its steps', async () => {
    expect((await keybaton('rotate', id)).status).toBe(0);
    await until('the third version is current', async () => (await epochs()) === 3);
    await prove();
    expect((await result()).outcome).toBe('rotated');
    expect(live()).toBe(1);
  });

  it('that have all stopped are told apart from a Temporal that does not answer', async () => {
    for (const worker of running) await worker.stop();
    expect((await keybaton('rotate', id)).status).toBe(0);
    await until('nobody has polled for a while', async () => (await trouble()).includes('no worker polls'), 150_000);
    expect((await keybaton('doctor', '--json')).stdout).toContain('start `keybaton worker`');
  });
});

const targets = (folder: string, world: string): string => `
targets:
  in-memory-test:
    provider: in-memory
    environment: test
    settings: { folder: ${world} }
    admin: env:IN_MEMORY_ADMIN
    teams: [apps]
backends:
  here:
    kind: embedded
    settings: { file: ${join(folder, 'vault.sqlite')} }
`;
const inventory = `
teams: [apps]
credentials:
  ${id}:
    target: in-memory-test
    team: apps
    tier: low
    mode: automatic
    backends: [here]
    consumers: [{ name: bot, demand: possession }]
    silence: { no: nobody shows use here }
    soak: 0s
`;
