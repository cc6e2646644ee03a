import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseCredentialId, type VersionId } from '../../../domain/identifiers.ts';
import { openBench, type Bench } from '../bench.ts';

const bot = parseCredentialId('in-memory/prod/bot');
const incident = 'i20260131-4f9k2m7c';
let bench: Bench;
let version: VersionId;

beforeEach(async () => {
  bench = await openBench();
  await bench.apply();
  version = await bench.promote(bot);
  await bench.ledger.declareIncident({ incident, versions: [version], who: 'os:eve', why: 'laptop stolen' });
});
afterEach(() => bench.close());

const shown = async (): Promise<string> => (await bench.run(['incident', 'show', incident])).stdout;

test('an incident that has ended is shown with what its run counted at the end', async () => {
  const body = { replaced: 1, confirmed: 0, clock: 90_000 };
  await bench.ledger.incidentEvent({ incident, kind: 'ended', actor: 'incident', body });
  await bench.ledger.closeIncident({ incident, who: 'incident' });
  const text = await shown();
  expect(text).toContain('1 key: contained 0, dead 0, replaced 1, confirmed 0');
  // Its own clock, not the usual fifteen minutes.
  expect(text).toMatch(/reported +1.5 min/);
});

test('one that no run ever worked on is shown with what the ledger knows of its replacements', async () => {
  expect(await shown()).toContain('replaced 0, confirmed 0');
  await bench.promote(bot);
  expect(await shown()).toContain('replaced 1, confirmed 0');
});

test('its report goes by the clock that it ran by', async () => {
  const body = { at: 1, after: 1, clock: 90_000 };
  await bench.ledger.incidentEvent({ incident, kind: 'moment.contained', actor: 'incident', body });
  const { stdout } = await bench.run(['incident', 'report', incident, '--json']);
  // The command answers the report as it is.
  expect((JSON.parse(stdout) as { report: object }).report).toMatchObject({ clockSeconds: 90 });
});
