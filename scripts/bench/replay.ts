import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { workflowBundle } from '../../worker/workflow-bundle.ts';
import { startScript } from '../servers/child-process.ts';
import { startTemporalServer } from '../servers/temporal-server.ts';
import { median } from '../storm/trend.ts';
import { connectTemporal } from '../../worker/temporal.ts';
import type { FloorInput } from './floor-workflow.ts';
import type { Measured } from './report.ts';
import type { Closing } from './stage.ts';

const folder = new URL('../../test/histories/', import.meta.url);
const wanted = [
  'first-rotation',
  'scheduled-with-proof',
  'rolled-back',
  'old-version-leaked',
  'incident-of-one-key',
  'sweep',
];

/** What it costs to bring a run back into a worker's memory, beside a do-nothing workflow with about as many events. */
export async function measureReplay(close: Closing, { rounds }: { readonly rounds: number }): Promise<Measured> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const real = await workflowBundle();
  const floorBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('floor-workflow.ts', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
  const floorHistory = await recordFloor(close, 9);
  const histories = readdirSync(folder)
    .filter((file) => wanted.includes(file.replace('.json', '')))
    .map((file) => ({ name: file.replace('.json', ''), text: readFileSync(new URL(file, folder), 'utf8') }));
  const floorTime = await time(floorBundle, floorHistory.text, floorHistory.workflowId, rounds);
  const measured = [];
  for (const { name, text } of histories) {
    // Written from Temporal's own conversion by the recorder of the replay tests.
    const { events } = JSON.parse(text) as { readonly events: readonly Record<string, { workflowId?: string }>[] };
    const id = events[0]?.['workflowExecutionStartedEventAttributes']?.workflowId ?? '';
    measured.push({ name, events: events.length, milliseconds: await time(real, text, id, rounds) });
  }
  const perFloorEvent = floorTime / floorHistory.events;
  return {
    name: 'replay',
    figures: [
      { what: `the floor, ${floorHistory.events} events`, value: floorTime, unit: 'ms' },
      ...measured.map(({ name, events, milliseconds }) => ({
        what: `${name}, ${events} events (${(milliseconds / events / perFloorEvent).toFixed(2)} x the floor, by event)`,
        value: milliseconds,
        unit: 'ms',
      })),
    ],
    raw: { rounds, floor: { events: floorHistory.events, milliseconds: floorTime }, histories: measured },
  };
}

/** Processor milliseconds of this process for one replay, in a worker that has warmed up: the median of five bunches. */
async function time(
  workflowBundle: NonNullable<Parameters<typeof Worker.runReplayHistories>[0]['workflowBundle']>,
  text: string,
  workflowId: string,
  rounds: number,
): Promise<number> {
  let before = process.cpuUsage();
  const times: number[] = [];
  let many = 0;
  // Protobuf's JSON form, as the recorder wrote it: the replayer takes it as it is.
  const history = JSON.parse(text) as object;
  const histories = function* () {
    for (let index = 0; index < rounds * 6; index += 1) yield { workflowId, history };
  };
  for await (const result of Worker.runReplayHistories({ workflowBundle }, histories())) {
    if (result.error !== undefined) throw result.error;
    many += 1;
    if (many % rounds !== 0) continue;
    const { user, system } = process.cpuUsage(before);
    before = process.cpuUsage();
    times.push((user + system) / 1_000 / rounds);
  }
  return median(times.slice(1));
}

async function recordFloor(close: Closing, activities: number) {
  const server = await startTemporalServer();
  close.add(() => server.stop());
  const worker = await startScript({
    file: new URL('floor-worker.ts', import.meta.url),
    args: [server.address, server.namespace],
  });
  close.add(() => worker.stop());
  await worker.printed(/ready/);
  const { client, close: disconnect } = await connectTemporal(server);
  close.add(disconnect);
  const input: FloorInput = { activities, wokenAfter: 0, patched: false, given: 'x'.repeat(300), answers: 'x' };
  const handle = await client.workflow.start('floor', { workflowId: 'floor/1', taskQueue: 'floor', args: [input] });
  await handle.result();
  const history = await handle.fetchHistory();

  return { text: historyToJSON(history), workflowId: 'floor/1', events: history.events?.length ?? 0 };
}
