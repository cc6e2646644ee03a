import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openAccessLog } from '../../control/access/access-log.ts';
import { makeIncidentReport, showIncidentReport } from '../../control/operations/incident-report.ts';
import { KeybatonError } from '../../domain/errors.ts';
import type { IncidentProgress } from '../../domain/incident.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { openLedger } from '../../ledger/open.ts';
import { incidentHooks } from '../../worker/incident-hooks.ts';
import { bot, entry } from '../ledger/fixtures.ts';
import { sqlitePlace } from '../ledger/places.ts';
import { scenarioOn } from '../ledger/scenario.ts';

const place = sqlitePlace();
beforeAll(() => place.start());
afterAll(() => place.stop());

const incident = 'i20260101-4f9k2m7c';
let home: string;
let time: number;
let ledger: Ledger;
let leaked: VersionId;
let replacement: VersionId;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'keybaton-home-'));
  time = Date.UTC(2026, 0, 1);
  const url = await place.fresh();
  ledger = await openLedger({ url, clock: () => time });
  const { apply, rotate } = scenarioOn(
    ledger,
    url,
    place,
    () => time,
    (by) => (time += by),
  );
  await apply(entry());
  leaked = await rotate();
  await read(leaked, 'api');
  time += 60_000;
  replacement = await rotate();
  await read(replacement, 'api');
  time += 60_000;
  await ledger.declareIncident({
    ...{ incident, versions: [leaked], who: 'ada', why: 'pushed to a repository' },
    ...{ declaredAt: time, scope: `credential ${bot}` },
  });
});
afterEach(async () => {
  await ledger.close();
  rmSync(home, { recursive: true });
});

async function read(version: VersionId, consumer: string): Promise<void> {
  const log = await openAccessLog(join(home, 'access.jsonl'));
  await log.record({
    ...{ at: time, credential: bot, consumer, token: 't1', address: '10.0.0.7' },
    ...{ which: 'current', version, epoch: 1 },
  });
  await log.close();
}

const hooks = () =>
  incidentHooks({
    ledger: async () => ledger,
    places: { backend: async () => ({ kind: 'embedded', settings: {}, path: 'ai' }) },
    bindings: { provider: () => Promise.reject(new KeybatonError('UNAVAILABLE', 'no way out')) },
    home,
    now: () => time,
    random: (bytes) => new Uint8Array(bytes),
  });
const progress = { incident, reached: { declared: Date.UTC(2026, 0, 1) } } as unknown as IncidentProgress;
const look = () => hooks().scope({ incident, after: undefined }, AbortSignal.timeout(60_000));
const ports = () => ({ ledger, now: () => time });

test('the readings of the leaked version, and no other, are looked up and stand in the report', async () => {
  expect(await look()).toBeUndefined();
  const { scope } = await makeIncidentReport(ports(), { incident });
  expect(scope).toMatchObject({ verdicts: { read: 1, 'cannot tell': 1 }, notLookedUp: 0 });
  expect(scope.findings[0]).toMatchObject({
    version: leaked,
    source: 'backend:vault',
    seen: [{ who: 'api (token t1)', from: '10.0.0.7' }],
  });
  expect(scope.findings[1]?.text).toContain('the provider could not be asked (UNAVAILABLE)');
});

test('a report tells what replaced what, what is not proved, and where the chain stood', async () => {
  const { events, head } = await ledger.verifyChain();
  const report = await makeIncidentReport(ports(), { incident });
  expect(report).toMatchObject({
    declared: { who: 'ada', why: 'pushed to a repository', scope: `credential ${bot}` },
    keys: { all: 1, contained: 0, notDead: [{ version: leaked, keyIds: [`key-${leaked}`] }] },
    credentials: {
      replaced: 1,
      notReplaced: [],
      notConfirmed: [{ replacedBy: replacement, missing: ['api: no instance seen (possession)'] }],
    },
    scope: { notLookedUp: 1 },
    checkpoint: { n: events, hash: head, broken: 0 },
  });
});

test('a replacement that leaked as well is none', async () => {
  const both = 'i20260101-second00';
  await ledger.declareIncident({ incident: both, versions: [leaked, replacement], who: 'ada', why: 'both' });
  expect((await makeIncidentReport(ports(), { incident: both })).credentials).toMatchObject({
    replaced: 0,
    notReplaced: [{ credential: bot, team: 'support', missing: ['its rotation has not begun'] }],
  });
});

test('a report that was written stays as it was, and the chain has its hash', async () => {
  await hooks().report(progress, AbortSignal.timeout(60_000));
  const written = await showIncidentReport(ports(), { incident });
  expect(written).toMatchObject({ asWritten: true, writtenAt: time });
  time += 60_000;
  await ledger.killFacts({
    incident,
    facts: [{ kind: 'contained', credential: bot, version: leaked, at: time, refs: [{ id: `key-${leaked}` }] }],
  });
  expect((await showIncidentReport(ports(), { incident })).report).toEqual(written.report);
  const fresh = await showIncidentReport(ports(), { incident, fresh: true });
  expect(fresh).toMatchObject({ asWritten: null, report: { keys: { contained: 1 } } });
});

test('a report goes by the clock of its own incident: a drill may have a shorter one', async () => {
  await hooks().report({ ...progress, clock: 90_000 }, AbortSignal.timeout(60_000));
  const { report } = await showIncidentReport(ports(), { incident });
  expect(report.clockSeconds).toBe(90);
  expect(report.intervals.map(({ plannedSeconds }) => plannedSeconds)).toContain(90);
});

test('a report that somebody changed afterwards is told as such', async () => {
  await hooks().report(progress, AbortSignal.timeout(60_000));
  const text = (await ledger.remembered(`report/${incident}`)) ?? '';
  await ledger.remember(`report/${incident}`, text.replace('pushed to a repository', 'nothing happened'));
  expect(await showIncidentReport(ports(), { incident })).toMatchObject({ asWritten: false });
});

test('a damaged line of the access log takes the certainty away, not the answer', async () => {
  appendFileSync(join(home, 'access.jsonl'), `{"at":1,"version":"${leaked}","consumer":\n`);
  await look();
  const { scope } = await makeIncidentReport(ports(), { incident });
  expect(scope.findings[0]).toMatchObject({ verdict: 'read' });
  expect(scope.findings[0]?.text).toContain('1 lines of it are damaged');
});
