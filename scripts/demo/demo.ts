/**
 * `npm run demo`: keybaton at its main job, on real parts. Seven acts, each of which puts promises to the test; what was
 * measured goes to demo.json, and the exit code is 0 only when every promise was kept.
 */
import { writeFileSync } from 'node:fs';
import { routine } from './act-1-routine.ts';
import { held } from './act-2-held.ts';
import { crash } from './act-3-crash.ts';
import { rollBack } from './act-4-roll-back.ts';
import { leak } from './act-5-leak.ts';
import type { Leaked } from './act-5-leak.ts';
import { sweep } from './act-6-sweep.ts';
import type { Swept } from './act-6-sweep.ts';
import { search } from './act-7-search.ts';
import type { Counts } from './consumer.ts';
import { strays } from './play.ts';
import type { Play } from './play.ts';
import { promises } from './promises.ts';
import { endsOfLogs } from './search-places.ts';
import { setUp } from './set-up.ts';
import { countsText, show } from './show.ts';

/** `demo.json`: everything in it was measured in this run. */
interface Measured extends Counts, Partial<Leaked>, Partial<Swept> {
  ok: boolean;
  rotations: number;
  heldThenReleased: boolean;
  crashRecovered: boolean;
  strayCredentials: number;
  rolledBack: boolean;
  secretHits: number;
  controlsPlanted: number;
  controlsFound: number;
  secondsTotal: number;
  steps: { name: string; seconds: number }[];
}

const leastQueries = 2_000;
const began = performance.now();
const shown = show(process.stdout);
const kept = promises(shown);
const measured: Measured = {
  ok: false,
  rotations: 0,
  queries: 0,
  newConnections: 0,
  failedQueries: 0,
  retriedQueries: 0,
  heldThenReleased: false,
  crashRecovered: false,
  strayCredentials: 0,
  rolledBack: false,
  secretHits: 0,
  controlsPlanted: 0,
  controlsFound: 0,
  secondsTotal: 0,
  steps: [],
};
const closers: (() => Promise<unknown> | void)[] = [];

const since = (start: number): number => Math.round(performance.now() - start) / 1_000;

async function act<Answer>(name: string, title: string, about: string, run: () => Promise<Answer>): Promise<Answer> {
  const start = performance.now();
  shown.act(title, about);
  try {
    return await run();
  } finally {
    measured.steps.push({ name, seconds: since(start) });
  }
}

async function perform(): Promise<void> {
  const closing = (close: () => Promise<unknown> | void): void => void closers.push(close);
  const play = await act(
    'set-up',
    'Set-up',
    'Temporal, PostgreSQL, the embedded vault; worker, API and applications as processes of their own.',
    () => setUp({ shown, promises: kept, closing, logsAt: (folder) => (lastWords = () => endsOfLogs(folder)) }),
  );
  const footer = setInterval(() => shown.footer(`          ${countsText(play.counts())}`), 500);
  closing(() => clearInterval(footer));
  try {
    await allActs(play);
  } finally {
    const counts = play.counts();
    Object.assign(measured, counts, {
      failedQueries: counts.failedQueries - (measured.queriesFailedMeanwhile ?? 0),
    });
  }
}

async function allActs(play: Play): Promise<void> {
  await act(
    'routine rotation',
    '1. A routine rotation',
    'The old login lives until the last application has proved the new one, and is then refused.',
    () => routine(play),
  );
  measured.heldThenReleased = await act(
    'held rotation',
    '2. An application does not prove',
    'The rotation is held, people are told, nothing is revoked; it ends by itself once the proof is there.',
    () => held(play),
  );
  const crashed = await act(
    'crash recovery',
    '3. The worker is killed between commit and answer',
    'Once at PostgreSQL, once at OpenAI. No credential may be left that nobody knows.',
    () => crash(play),
  );
  measured.crashRecovered = crashed.recovered;
  measured.rolledBack = await act(
    'roll-back',
    '4. The new login lacks a grant',
    'Found when another application has moved already: roll back, without a failed query.',
    () => rollBack(play),
  );
  Object.assign(
    measured,
    await act(
      'leak',
      '5. A login is stolen',
      'A thief works with it. One command kills it; the applications move to its replacement.',
      () => leak(play),
    ),
  );
  Object.assign(
    measured,
    await act(
      'sweep',
      '6. Nobody asks',
      'A sweep finds what is due among many credentials, and a key that keybaton did not make.',
      () => sweep(play),
    ),
  );
  // One that is still there is the same one.
  measured.strayCredentials = Math.max(crashed.strays, await strays(play));
  const searched = await act(
    'search',
    '7. Where are the secrets?',
    'Every value ever made, raw and encoded, looked for where none may be.',
    () => search(play),
  );
  measured.secretHits = searched.hits.length;
  measured.controlsPlanted = searched.controlsPlanted;
  measured.controlsFound = searched.controlsPlanted - searched.lost.length;
  await act('closing', 'All together', 'What the applications saw from beginning to end.', async () => conclude(play));
}

function conclude(play: Play): void {
  const counts = play.counts();
  // What fails while a stolen login is killed before its replacement is there is told by its act.
  const failedOtherwise = counts.failedQueries - (measured.queriesFailedMeanwhile ?? 0);
  measured.rotations = play.stage.events.count(
    ({ kind, body }) => kind === 'rotation.ended' && /^(rotated|rolled-back)$/.test(String(body['outcome'])),
  );
  const errors = [play.web, play.orders, play.reports, play.chat].map(
    (one) => `${one.name}: ${one.lastError() ?? '-'}`,
  );
  kept.check(
    `${measured.rotations} rotations; ${countsText({ ...counts, failedQueries: failedOtherwise })}, but for the stolen login`,
    counts.queries >= leastQueries && counts.newConnections * 10 >= counts.queries && failedOtherwise === 0,
    `last errors: ${errors.join(', ')}`,
  );
  kept.check(`${measured.strayCredentials} stray credentials`, measured.strayCredentials === 0);
}

/** What the processes printed last: their logs are gone in a moment. */
let lastWords = (): readonly string[] => [];

let closed: Promise<void> | undefined;
function close(): Promise<void> {
  closed ??= (async () => {
    shown.close();
    for (const one of closers.toReversed()) {
      try {
        await one();
      } catch (error) {
        kept.check('everything that was started was stopped', false, String(error));
      }
    }
  })();
  return closed;
}

let interrupted = false;
function onSignal(code: number): void {
  if (interrupted) process.exit(code);
  interrupted = true;
  shown.plain('stopping: everything that was started is ended');
  void close().finally(() => process.exit(code));
}
process.on('SIGINT', () => onSignal(130));
process.on('SIGTERM', () => onSignal(143));

try {
  await perform();
} catch (error) {
  if (!interrupted) {
    kept.check('the demo runs to its end', false, error instanceof Error ? error.message : String(error));
    for (const line of lastWords()) shown.plain(line);
  }
}
// An interrupted run ends by itself, as soon as everything is closed.
if (!interrupted) {
  await close();
  measured.secondsTotal = since(began);
  measured.ok = kept.broken().length === 0;
  writeFileSync('demo.json', `${JSON.stringify(measured, null, 2)}\n`);
  shown.plain('');
  for (const broken of kept.broken()) shown.plain(`BROKEN: ${broken}`);
  shown.plain(
    `${measured.ok ? 'Every promise was kept' : 'A promise broke'}, in ${measured.secondsTotal.toFixed(0)} s. Measured: demo.json`,
  );
  process.exit(measured.ok ? 0 : 1);
}
