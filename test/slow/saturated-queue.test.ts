import { createServer, type Server } from 'node:http';
import proto from '@temporalio/proto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCredentialId, rotationWorkflowId, type CredentialId } from '../../domain/identifiers.ts';
import { queues } from '../../domain/queues.ts';
import { defaultPace } from '../../domain/rotation.ts';
import type { Program } from '../../scripts/servers/program.ts';
import { connectTemporal, type Temporal } from '../../worker/temporal.ts';
import { openInstallation, type Installation } from '../emergency/installation.ts';
import { crowdInventory, crowdTargets, plantCrowd, seenAt, type CrowdKey } from '../emergency/key-crowd.ts';
import type { OpenAiSettings } from '../fakes/openai/state.ts';
import { startFake, type RunningFake } from '../fakes/start.ts';
import { until } from '../support/until.ts';

/** Rotations of these are held before anybody declares anything; then they leak. */
const size = { projects: 1, perProject: 10, versions: 1 };
/** More rotations than a worker has slots, by far: what the first hundred wait for never comes. */
const stuck = 2_100;
/** Activities that one worker runs at once from the queue of rotations, unless told otherwise. */
const slots = 100;

/** Protocol 7: killing waits for no backlog. Judged by the server's own count, and by the providers themselves. */
describe('an emergency while every slot for rotations is taken and thousands wait', { timeout: 170_000 }, () => {
  let fake: RunningFake<OpenAiSettings>;
  let silent: Silent;
  let installation: Installation;
  let temporal: Temporal;
  let worker: Program;
  let crowd: readonly CrowdKey[];
  let incident: string;
  const waiting = Array.from({ length: stuck }, (_, index) => parseCredentialId(`openai/prod/waits-${index}`));

  beforeAll(async () => {
    fake = await startFake<OpenAiSettings>('openai');
    silent = await startSilent();
    installation = await openInstallation({
      targets: (folder) =>
        crowdTargets(fake, size, { revokeSpread: 0 })(folder).replace(
          'backends:',
          `  silent:
    provider: openai
    environment: prod
    admin: env:OPENAI_ADMIN
    teams: [search]
    settings: { project: proj_0, baseUrl: ${silent.url}, callTimeout: 15000 }
backends:`,
        ),
      inventory: heldInventory() + waiting.map(entryOf).join(''),
      environment: { OPENAI_ADMIN: fake.adminKey },
    });
    temporal = await connectTemporal(installation.temporal);
    crowd = await plantCrowd(installation, fake, size);
    worker = await installation.startWorker();
    for (const { credential } of crowd) {
      await installation.ledger.request({ kind: 'rotate', credential, who: 'test', why: 'test' });
      await start(credential);
    }
    await until(
      'the rotations of what will leak are held',
      async () =>
        (await installation.ledger.openAlarms()).filter(({ key }) => key.startsWith('held/')).length === crowd.length,
      120_000,
    );
    for (let at = 0; at < stuck; at += 50) await Promise.all(waiting.slice(at, at + 50).map(start));
    await until('every slot is taken', () => silent.waiting() >= slots, 60_000);
  }, 250_000);
  afterAll(async () => {
    await temporal.close();
    // What it has begun would keep an orderly end waiting for as long as the provider is silent.
    await worker.kill();
    await installation.close();
    await fake.stop();
    await silent.close();
  }, 60_000);

  /** What waits in the queue of rotations, by the server's own count: for a worker to run a workflow, and for a slot. */
  const backlog = async (): Promise<number> => {
    const { TASK_QUEUE_TYPE_ACTIVITY, TASK_QUEUE_TYPE_WORKFLOW } = proto.temporal.api.enums.v1.TaskQueueType;
    const counts = await Promise.all(
      [TASK_QUEUE_TYPE_ACTIVITY, TASK_QUEUE_TYPE_WORKFLOW].map(async (taskQueueType) => {
        const { stats } = await temporal.client.workflowService.describeTaskQueue({
          namespace: installation.temporal.namespace,
          taskQueue: { name: queues.rotations },
          taskQueueType,
          reportStats: true,
        });
        return Number(stats?.approximateBacklogCount ?? 0);
      }),
    );
    return counts.reduce((one, other) => one + other, 0);
  };
  /** Looked at a few times: a slot whose call has timed out is taken again a moment later. */
  const saturated = async (): Promise<{ readonly taken: number; readonly behind: number }> => {
    await until('every slot is taken', () => silent.waiting() >= slots);
    return { taken: silent.waiting(), behind: await backlog() };
  };
  const start = (credential: CredentialId): Promise<unknown> =>
    temporal.client.workflow.start('rotateCredential', {
      workflowId: rotationWorkflowId(credential),
      taskQueue: queues.rotations,
      args: [{ credential, reason: 'a test', actor: 'test', rehearse: false, pace: defaultPace }],
    });

  it('kills at once', async () => {
    const before = await saturated();
    const typed = installation.type([
      ...['emergency', ...crowd.map(({ credential }) => credential)],
      ...['--reason', 'found in a public log', '--no-wait', '--json'],
    ]);
    let seen = await seenAt(fake);
    await until(
      'every key is dead at the provider',
      async () => {
        seen = await seenAt(fake);
        return crowd.every(({ id }) => seen.get(id)?.works === false);
      },
      60_000,
    );
    const after = await saturated();
    [incident = ''] = await installation.incidents();
    const { declaredAt } = await installation.show(incident);
    const took = Math.max(...crowd.map(({ id }) => seen.get(id)?.deletedAt ?? Infinity)) - declaredAt;
    console.log(
      `keys of ${crowd.length} credentials killed ${(took / 1_000).toFixed(1)} s after the declaration; calls to the silent provider ${before.taken}, then ${after.taken}; tasks that wait ${before.behind}, then ${after.behind}`,
    );
    expect((await typed).exit).toBe(0);
    expect(before.behind).toBeGreaterThan(1_500);
    expect(after.behind).toBeGreaterThan(1_500);
    await until(
      'it is proved',
      async () => {
        const { counts, keys } = await installation.show(incident);
        return counts.dead === keys;
      },
      60_000,
    );
  });

  it('has a rotation that a person takes over replaced past the backlog, while others still wait', async () => {
    const [first] = crowd;
    if (first === undefined) throw new Error('there is a crowd');
    const { exit } = await installation.type(['incident', 'take-over', incident, first.credential]);
    expect(exit).toBe(0);
    const leaked = new Set(crowd.map(({ version }) => version));
    await until(
      'it has another version',
      async () => {
        const version = (await installation.ledger.facts(first.credential)).epochs[0]?.version;
        return version !== undefined && !leaked.has(version);
      },
      90_000,
    );
    expect((await saturated()).behind).toBeGreaterThan(1_000);
  });
});

interface Silent {
  readonly url: string;
  /** Requests whose answer somebody still waits for. */
  waiting(): number;
  close(): Promise<void>;
}

/** A provider that takes every call and never answers. */
async function startSilent(): Promise<Silent> {
  let waiting = 0;
  const server: Server = createServer((_request, response) => {
    waiting += 1;
    response.once('close', () => (waiting -= 1));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    waiting: () => waiting,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Their consumer never proves anything. */
const heldInventory = (): string =>
  crowdInventory(size).replaceAll(/consumers: .*\n/g, 'consumers: [{ name: web, deadline: 1s }]\n');

const entryOf = (id: CredentialId): string => `  ${id}:
    target: silent
    team: search
    backends: [vault]
    consumers: { none: a job that reads its key anew each night }
    silence: { no: a job that reads its key anew each night }
`;
