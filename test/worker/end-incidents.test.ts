import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { VersionId } from '../../domain/identifiers.ts';
import { KeybatonError } from '../../domain/errors.ts';
import type { IncidentProgress } from '../../domain/incident.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { openLedger } from '../../ledger/open.ts';
import { endIncidents } from '../../worker/end-incidents.ts';
import { bot, entry } from '../ledger/fixtures.ts';
import { sqlitePlace } from '../ledger/places.ts';
import { scenarioOn } from '../ledger/scenario.ts';

const place = sqlitePlace();
beforeAll(() => place.start());
afterAll(() => place.stop());

const incident = 'i20260101-4f9k2m7c';

/** As an import leaves it: declared and told in the ledger, and known to no run. */
describe('an incident that no run works on', () => {
  let time: number;
  let ledger: Ledger;
  let leaked: VersionId;
  let scoped: string[];
  let rotate: () => Promise<VersionId>;

  beforeEach(async () => {
    time = Date.UTC(2026, 0, 1);
    scoped = [];
    const url = await place.fresh();
    ledger = await openLedger({ url, clock: () => time });
    const scenario = scenarioOn(
      ledger,
      url,
      place,
      () => time,
      (by) => (time += by),
    );
    rotate = () => scenario.rotate();
    await scenario.apply(entry());
    leaked = await rotate();
    time += 60_000;
  });
  afterEach(() => ledger.close());

  async function declared(): Promise<void> {
    await ledger.declareIncident({
      ...{ incident, versions: [leaked], who: 'ada', why: 'pushed to a repository' },
      ...{ declaredAt: time, scope: `credential ${bot}` },
    });
  }
  const killed = () =>
    ledger.killFacts({
      incident,
      facts: [
        { kind: 'contained', credential: bot, version: leaked, at: time, refs: [] },
        { kind: 'dead', credential: bot, version: leaked, at: time, grade: 'refused' },
      ],
    });
  const ended = (progress: () => Promise<IncidentProgress | undefined> = async () => undefined) =>
    endIncidents({
      ledger,
      incidents: { progress },
      hooks: { scope: async (page) => void scoped.push(page.incident) },
      now: () => time,
      signal: AbortSignal.timeout(5_000),
    });

  it('is looked up, reported and closed once its keys are dead and replaced: its provider is swept again', async () => {
    await declared();
    await killed();
    await rotate();
    time += 15 * 60_000;
    expect(await ledger.incidentTargets()).toHaveLength(1);
    expect(await ended()).toEqual([incident]);
    const { closedBy, events } = await ledger.incident(incident);
    expect([closedBy, scoped]).toEqual(['sweep', [incident]]);
    expect(events.map(({ kind }) => kind.split('.')[0])).toEqual(['reported', 'ended']);
    expect(await ledger.incidentTargets()).toEqual([]);
    expect(await ended()).toEqual([]);
  });

  it('stays open while a key is not proved dead', async () => {
    await declared();
    await rotate();
    time += 15 * 60_000;
    expect(await ended()).toEqual([]);
  });

  it('stays open while what leaked has no replacement', async () => {
    await declared();
    await killed();
    time += 15 * 60_000;
    expect(await ended()).toEqual([]);
  });

  it('gives consumers their share of the clock to show the replacement', async () => {
    await declared();
    await killed();
    await rotate();
    expect(await ended()).toEqual([]);
    time += 12 * 60_000;
    expect(await ended()).toEqual([incident]);
  });

  it('is left alone where Temporal does not say whether a run works on it', async () => {
    await declared();
    await killed();
    await rotate();
    time += 15 * 60_000;
    const silent = () => Promise.reject(new KeybatonError('UNAVAILABLE', 'Temporal does not answer'));
    await expect(ended(silent)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect((await ledger.incident(incident)).closedAt).toBeUndefined();
  });
});
