import { request, Agent } from 'node:http';
import { freePort, portIsOpen } from '../servers/free-port.ts';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { startScript } from '../servers/child-process.ts';
import type { Measured } from './report.ts';
import { openStage, type Closing } from './stage.ts';
import { percentile } from './usage.ts';

const many = 5;

/**
 * Consumers that read their secret over TCP, at a fixed rate whether or not earlier ones were answered. Each reading is on disk in
 * the access log before it is answered. Beside it, in turns, so that all meet the same machine: a server that answers as many bytes
 * and does nothing, and one that does nothing but keep a line of each request on disk.
 */
export async function measureReads(
  close: Closing,
  { perSecond, seconds, blocks }: { readonly perSecond: number; readonly seconds: number; readonly blocks: number },
): Promise<Measured> {
  const stage = await openStage(close);
  const ids = Array.from({ length: many }, (_, index) => `in-memory/bench/app-${index + 1}`);
  await stage.apply(
    `targets:
  world: { provider: in-memory, environment: bench, admin: 'env:BENCH_ADMIN', teams: [bench], settings: {} }
backends:
  vault: { kind: embedded, settings: { file: ${stage.home}/vault.sqlite } }
`,
    `teams: [bench]
credentials:
${ids
  .map(
    (id) =>
      `  ${id}: { target: world, team: bench, schedule: { every: 90d }, backends: [vault], consumers: [{ name: app }], silence: { no: measured }, soak: 0s }\n`,
  )
  .join('')}`,
  );
  const worker = await stage.startWorker();
  for (const id of ids) await stage.keybaton.run('rotate', id, '--why', 'measured', '--wait', '--timeout', '2m');
  const tokens: string[] = [];
  for (const id of ids) {
    // The shape of what the command prints.
    const { token } = (await stage.keybaton.run('token', 'make', id, 'app')) as { readonly token: string };
    tokens.push(token);
  }
  await worker.stop();
  const port = await freePort();
  const api = await stage.keybaton.start(['api', '--listen', `127.0.0.1:${port}`], join(stage.folder, 'api.log'));
  close.add(() => api.stop());
  await api.ready(() => portIsOpen(port));
  const floorServer = async (...args: readonly string[]): Promise<number> => {
    const floor = await startScript({ file: new URL('floor-server.mjs', import.meta.url), args });
    close.add(() => floor.stop());
    return Number((await floor.printed(/listening (\d+)/))[1]);
  };
  const subjects = {
    nothing: await floorServer(),
    disk: await floorServer(join(stage.folder, 'floor.log')),
    keybaton: port,
  };

  const calls = ids.map((id, index) => ({
    path: `/v1/credentials/${id}/secret`,
    headers: { authorization: `Bearer ${tokens[index] ?? ''}` },
  }));
  await load(port, calls, { perSecond, seconds: 3 });
  const loads = [loadavg()[0] ?? NaN];
  const rounds: Record<keyof typeof subjects, Round>[] = [];
  for (let block = 0; block < blocks; block += 1) {
    const one = async (of: number): Promise<Round> => {
      const { milliseconds, failed } = await load(of, calls, { perSecond, seconds });
      const [p50, p99] = [percentile(milliseconds, 0.5), percentile(milliseconds, 0.99)];
      return { p50, p99, failed, answered: milliseconds.length / seconds };
    };
    const nothing = await one(subjects.nothing);
    const disk = await one(subjects.disk);
    rounds.push({ nothing, disk, keybaton: await one(subjects.keybaton) });
    loads.push(loadavg()[0] ?? NaN);
  }
  const all = (who: keyof typeof subjects, what: keyof Round): readonly number[] => rounds.map((one) => one[who][what]);
  const median = (who: keyof typeof subjects, what: keyof Round): number => percentile(all(who, what), 0.5);
  const best = (who: keyof typeof subjects, what: keyof Round): number => Math.min(...all(who, what));
  const beside = (who: 'nothing' | 'disk', text: string): Measured['figures'] => [
    { what: `${text}: p99, median`, value: median(who, 'p99'), unit: 'ms' },
    { what: 'its best', value: best(who, 'p99'), unit: 'ms' },
    { what: 'its p50, median', value: median(who, 'p50'), unit: 'ms' },
  ];
  return {
    name: 'reads',
    figures: [
      {
        what: `reads at ${perSecond}/s: p99, median of ${blocks} blocks`,
        value: median('keybaton', 'p99'),
        unit: 'ms',
        target: { atMost: 50 },
      },
      { what: 'p99, best of them', value: best('keybaton', 'p99'), unit: 'ms' },
      { what: 'p50, median', value: median('keybaton', 'p50'), unit: 'ms' },
      { what: 'p50, best', value: best('keybaton', 'p50'), unit: 'ms' },
      {
        what: 'answers that were no secret',
        value: all('keybaton', 'failed').reduce((sum, failed) => sum + failed, 0),
        unit: '',
        target: { atMost: 0 },
      },
      {
        what: 'answered, fewest',
        value: best('keybaton', 'answered'),
        unit: '/s',
        target: { atLeast: perSecond * 0.99 },
      },
      ...beside('disk', 'a server that only keeps a line on disk'),
      ...beside('nothing', 'a server that does nothing'),
      { what: 'load of the machine (one minute), lowest', value: Math.min(...loads), unit: '' },
      { what: 'highest', value: Math.max(...loads), unit: '' },
    ],
    raw: { perSecond, seconds, rounds, loads },
  };
}

/** One block of one server; milliseconds. */
interface Round {
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
  readonly answered: number;
}

interface Call {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The time of each counts from when it was due: a server that stands still is not spared. */
async function load(
  port: number,
  calls: readonly Call[],
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
): Promise<{ readonly milliseconds: readonly number[]; readonly failed: number }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const milliseconds: number[] = [];
  let failed = 0;
  const began = performance.now();
  const open = new Set<Promise<void>>();
  for (let index = 0; index < perSecond * seconds;) {
    const due = Math.min(perSecond * seconds, Math.floor(((performance.now() - began) / 1_000) * perSecond));
    for (; index < due; index += 1) {
      const call = calls[index % calls.length];
      if (call === undefined) throw new Error('nothing to call');
      const from = began + (index / perSecond) * 1_000;
      const one = once(port, call, agent).then((ok) => {
        if (ok) milliseconds.push(performance.now() - from);
        else failed += 1;
      });
      open.add(one);
      void one.finally(() => open.delete(one));
    }
    await new Promise((done) => setTimeout(done, 1));
  }
  await Promise.all(open);
  agent.destroy();
  return { milliseconds, failed };
}

function once(port: number, call: Call, agent: Agent): Promise<boolean> {
  return new Promise((done) => {
    const sent = request({ host: '127.0.0.1', port, ...call, agent }, (answer) => {
      answer.resume();
      answer.on('end', () => done(answer.statusCode === 200));
      answer.on('error', () => done(false));
    });
    sent.on('error', () => done(false));
    sent.end();
  });
}
