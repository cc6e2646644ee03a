import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { poll } from '../../scripts/servers/poll.ts';
import type { KillSheet } from '../../ledger/kill-sheet-shapes.ts';
import { frozenFrom } from '../../domain/freeze.ts';
import { openLedger } from '../../ledger/open.ts';
import { bot, consumer, entry, search } from './fixtures.ts';
import { filePath, sqlitePlace } from './places.ts';
import { ref, scenarioOn } from './scenario.ts';

const place = sqlitePlace();
beforeAll(() => place.start());
afterAll(() => place.stop());

async function withSheet() {
  const url = await place.fresh();
  const path = join(dirname(filePath(url)), 'kill-sheet.json');
  const ledger = await openLedger({ url, killSheet: path });
  const scenario = scenarioOn(ledger, url, place, Date.now, () => undefined);
  const { apply, plan, issue, rotate, kill } = scenario;
  await apply(entry());
  // Whole at every instant: a half-written sheet would not parse.
  const sheet = (): KillSheet => JSON.parse(readFileSync(path, 'utf8')) as KillSheet;
  const versions = () => sheet().credentials[0]?.versions ?? [];
  return { url, path, ledger, apply, plan, issue, rotate, kill, sheet, versions };
}

describe('the kill sheet', () => {
  it('names every version that may live, by which handle, and forgets the dead', async () => {
    const { ledger, rotate, kill, versions, sheet } = await withSheet();
    const first = await rotate();
    const second = await rotate();
    await poll(() => versions().length === 2, { what: 'both versions on the sheet' });
    expect(versions()[0]).toMatchObject({
      version: first,
      fate: 'doomed',
      refs: [ref(first)],
      fingerprint: `kb1:p:${first}`,
    });
    expect(sheet()).toMatchObject({ format: 1, installation: await ledger.installation() });
    await kill(first);
    await poll(() => versions().length === 1, { what: 'the dead version off the sheet' });
    expect(versions()[0]?.version).toBe(second);
    await ledger.close();
  });

  it('names what an open intent may still make', async () => {
    const { ledger, issue, versions } = await withSheet();
    const version = await issue();
    await ledger.intend({ version, effect: 'stage', place: 'vault', within: 1000 });
    await ledger.spent({ version, why: 'no answer' });
    const { plan } = scenarioOn(ledger, '', place, Date.now, () => undefined);
    const next = await plan();
    const made = { id: 'role_b', mark: 'ours:next' };
    const { until } = await ledger.intend({
      version: next,
      effect: 'issue',
      place: 'slot-b',
      ref: made,
      within: 60_000,
    });
    const found = () => versions().find((one) => one.version === next)?.openIntents;
    await poll(() => found()?.length === 1, { what: 'the intent on the sheet' });
    expect(found()).toEqual([{ effect: 'issue', place: 'slot-b', until, ref: made }]);
    await ledger.close();
  });

  it('carries targets and policy, and no material or proof key', async () => {
    const { ledger, path, rotate, sheet } = await withSheet();
    await ledger.applyInventory({
      teams: ['support'],
      entries: [entry(bot, { emergency: { policy: 'replace-first', bound: 1 } })],
      targets: { 'openai-prod': { admin: 'env:OPENAI_ADMIN' } },
      actor: 'os:tester',
    });
    await rotate();
    await ledger.close();
    expect(sheet().targets).toEqual({ 'openai-prod': { admin: 'env:OPENAI_ADMIN' } });
    expect(sheet().credentials[0]?.emergency).toEqual({ policy: 'replace-first', bound: 1 });
    const text = readFileSync(path, 'utf8');
    for (const encoding of ['base64', 'hex'] as const)
      expect(text).not.toContain(Buffer.of(1, 2, 3).toString(encoding));
    expect(text).not.toMatch(/proofKey|kv/);
  });

  it('keeps what a scope and a blast radius ask, and where copies lie', async () => {
    const { ledger, apply, rotate, issue, sheet } = await withSheet();
    const fields = { URL: 'postgres://{username}:{password}@db/app' };
    await apply(entry(search), entry(bot, { groups: ['chat'] }));
    const moved = await rotate();
    const changed = entry(bot, {
      tier: 'critical',
      groups: ['chat'],
      consumers: [consumer('api'), consumer('nightly', { kind: 'job' })],
      dependents: [search],
      backends: [{ backend: 'vault', path: 'elsewhere', fields }],
    });
    await apply(entry(search), changed);
    const drill = await issue(bot, 'drill');
    await ledger.close();
    const found = sheet().credentials.find((one) => one.credential === bot);
    expect(found).toMatchObject({
      tier: 'critical',
      environment: 'prod',
      groups: ['chat'],
      consumers: ['api', 'nightly'],
      dependents: [search],
      backends: [{ backend: 'vault', path: 'elsewhere', fields }],
    });
    expect(found?.versions).toMatchObject([
      {
        version: moved,
        drill: false,
        everCurrent: true,
        left: expect.arrayContaining([{ backend: 'vault', path: `ai/${bot}` }]),
      },
      { version: drill, drill: true, everCurrent: false },
    ]);
  });

  it('freezes the same set as the ledger, whatever the scope', async () => {
    const { ledger, apply, rotate, issue, plan, kill, sheet } = await withSheet();
    await apply(entry(bot, { emergency: { policy: 'replace-first', bound: 7 } }));
    const dead = await rotate();
    const [former, leaked] = [await rotate(), await rotate()];
    await kill(dead);
    await issue(bot, 'standby');
    await issue(bot, 'drill');
    await ledger.spent({ version: await issue(), why: 'no answer' });
    const made = { id: 'role_b', mark: 'ours:next' };
    await ledger.intend({ version: await plan(), effect: 'issue', place: 'slot-b', ref: made, within: 60_000 });
    await ledger.declareIncident({ incident: 'i', versions: [leaked], who: 'os:ada', why: 'leaked' });
    const facts = await ledger.facts(bot);
    await ledger.close();
    const [known] = sheet().credentials;
    if (known === undefined) throw new Error('no credential on the sheet');
    const sizes = (['in use', 'every', [former, dead]] as const).map((which) => {
      const frozen = frozenFrom(facts, which, 1_000);
      expect(frozenFrom(known, which, 1_000)).toEqual(frozen);
      return frozen.length;
    });
    expect(sizes).toEqual([3, 6, 1]);
  });

  it('is readable by its owner alone, and complete once the ledger is closed', async () => {
    const { ledger, path, rotate, versions } = await withSheet();
    const version = await rotate();
    await ledger.close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(versions().map((one) => one.version)).toEqual([version]);
  });

  it('learns what another process wrote', async () => {
    const { url, ledger, sheet, versions } = await withSheet();
    // Nothing of our own is left to be written, so what comes is noticed by looking again.
    await poll(() => sheet().credentials.length === 1, { what: 'our own writes on the sheet' });
    const other = await openLedger({ url });
    const version = await scenarioOn(other, url, place, Date.now, () => undefined).rotate();
    await other.close();
    await poll(() => versions()[0]?.version === version, { what: 'the version of another process on the sheet' });
    await ledger.close();
  });

  it('outlives the ledger, and replaces one that was damaged', async () => {
    const { url, path, ledger, rotate, versions } = await withSheet();
    const version = await rotate();
    await ledger.close();
    writeFileSync(path, '{"format":1,"cred');
    const again = await openLedger({ url, killSheet: path });
    expect(versions().map((one) => one.version)).toEqual([version]);
    await again.close();
    rmSync(filePath(url));
    expect(versions()).toHaveLength(1);
  });

  it('is not replaced by a ledger that was made anew in the place of one that is gone', async () => {
    const { url, path, ledger, rotate } = await withSheet();
    await rotate();
    await ledger.close();
    const kept = readFileSync(path, 'utf8');
    rmSync(filePath(url));
    const empty = await openLedger({ url, killSheet: path });
    await scenarioOn(empty, url, place, Date.now, () => undefined).apply(entry());
    await empty.close();
    expect(readFileSync(path, 'utf8')).toBe(kept);
  });

  it('is not replaced by a ledger that knows less than it', async () => {
    const { url, path, ledger, rotate, sheet } = await withSheet();
    await rotate();
    await ledger.close();
    const newer = JSON.stringify({ ...sheet(), n: sheet().n + 1_000 });
    writeFileSync(path, newer);
    const behind = await openLedger({ url, killSheet: path });
    await behind.close();
    expect(readFileSync(path, 'utf8')).toBe(newer);
  });

  it('is written once the one that was kept has been moved away', async () => {
    const { url, path, ledger, rotate, sheet } = await withSheet();
    await rotate();
    await ledger.close();
    writeFileSync(path, JSON.stringify({ ...sheet(), installation: 'another' }));
    const ours = await openLedger({ url, killSheet: path });
    expect(sheet().installation).toBe('another');
    rmSync(path);
    await ours.close();
    expect(sheet().installation).not.toBe('another');
  });
});
