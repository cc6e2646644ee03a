import { setTimeout as wait } from 'node:timers/promises';
import { startScript } from '../servers/child-process.ts';
import { poll } from '../servers/poll.ts';
import { openPorts } from '../../worker/composition.ts';
import { connectTemporal, rotations } from '../../worker/temporal.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { defaultPace } from '../../domain/rotation.ts';
import { keybatonFile } from '../demo/command-line.ts';
import { join } from 'node:path';
import { inventoriesOf, teamsOf } from './many-entries.ts';
import type { Measured } from './report.ts';
import { openStage, type Closing } from './stage.ts';
import { memoryOf, percentile } from './usage.ts';

/**
 * Many rotations that wait (here for a person, who has frozen everything): what they cost a worker in memory, and how
 * soon after a worker was killed they answer again from another.
 */
export async function measureWaiting(close: Closing, { many }: { readonly many: number }): Promise<Measured> {
  const stage = await openStage(close);
  const ids = Array.from({ length: many }, (_, index) => parseCredentialId(`in-memory/bench/app-${index + 1}`));
  await stage.apply(
    `targets:
  world: { provider: in-memory, environment: bench, admin: 'env:BENCH_ADMIN', teams: [${teamsOf(many).join(', ')}], settings: {} }
backends:
  vault: { kind: embedded, settings: { file: ${stage.home}/vault.sqlite } }
`,
    ...inventoriesOf(
      ids.map(
        (id) => (team) =>
          `  ${id}: { target: world, team: ${team}, schedule: { every: 90d }, backends: [vault], consumers: { none: measured }, silence: { no: measured }, soak: 0s }\n`,
      ),
    ),
  );
  await stage.keybaton.run('freeze', '--all', '--why', 'measured');
  const ports = await openPorts({ ...process.env, ...stage.environment });
  close.add(() => ports.close());
  const temporal = await connectTemporal(stage.temporal);
  close.add(() => temporal.close());
  const runs = rotations(async () => temporal, stage.temporal.address);
  let worker = await stage.startWorker();
  await wait(5_000);
  const empty = memoryOf(worker.pid).now;
  const began = performance.now();
  for (let index = 0; index < ids.length; index += 10) {
    await Promise.all(
      ids
        .slice(index, index + 10)
        .map((credential) =>
          runs.start({ credential, reason: 'measured', actor: 'bench', rehearse: false, pace: defaultPace }),
        ),
    );
  }
  const last = ids.at(-1);
  if (last === undefined) throw new Error('nothing waits');
  const waits = async (): Promise<boolean> => {
    for (const id of [last, ...ids.filter((_, index) => index % Math.ceil(many / 50) === 0)])
      if ((await runs.status(id).catch(() => null))?.waitsFor === undefined) return false;
    return true;
  };
  await poll(waits, { what: 'all rotations waiting', within: 1_800_000, every: 1_000 });
  const filled = (performance.now() - began) / 1_000;
  const full = memoryOf(worker.pid);
  await worker.kill();
  const killed = performance.now();
  worker = await startScript({
    file: keybatonFile,
    args: ['worker'],
    env: stage.environment,
    cwd: stage.folder,
    logFile: join(stage.folder, 'worker.log'),
  });
  const started = worker;
  close.add(() => started.stop());
  await worker.printed(/ready: /);
  const ready = (performance.now() - killed) / 1_000;
  const answered: number[] = [];
  for (const id of ids.filter((_, index) => index % Math.ceil(many / 100) === 0)) {
    const asked = performance.now();
    await poll(async () => (await runs.status(id).catch(() => null))?.waitsFor !== undefined, {
      what: `${id} answering`,
      within: 120_000,
    });
    answered.push(performance.now() - asked);
  }
  const megabyte = 1_048_576;
  return {
    name: 'waiting',
    figures: [
      { what: 'rotations that wait', value: many, unit: '' },
      { what: 'until all of them wait', value: filled, unit: 's' },
      { what: 'memory of the worker, empty', value: empty / megabyte, unit: 'MB' },
      { what: 'memory of the worker, with all of them', value: full.now / megabyte, unit: 'MB' },
      { what: 'the most there was', value: full.peak / megabyte, unit: 'MB' },
      { what: 'after SIGKILL: another worker polls', value: ready, unit: 's' },
      { what: 'a waiting rotation answers from it: p50', value: percentile(answered, 0.5), unit: 'ms' },
      { what: 'p99', value: percentile(answered, 0.99), unit: 'ms' },
    ],
    raw: { many, filled, empty, full, ready, answered: answered.length },
  };
}
