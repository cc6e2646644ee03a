import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { notify } from '../../activities/notify.ts';
import { KeybatonError } from '../../domain/errors.ts';
import type { KillSheet } from '../../ledger/ledger.ts';
import { openLedger } from '../../ledger/open.ts';
import { openChannels } from '../../worker/channels.ts';
import { containmentPorts } from '../../worker/containment-ports.ts';
import type { FakeAlert, PagerDutySettings } from '../fakes/pager-duty/server.ts';
import { type RunningFake, startFake } from '../fakes/start.ts';
import { noticeHook } from '../../worker/notice-hook.ts';
import { bot, entry } from '../ledger/fixtures.ts';
import { sqlitePlace } from '../ledger/places.ts';
import { told } from '../outbound/notices.ts';

let pager: RunningFake<PagerDutySettings>;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keybaton-channels-'));
  pager = await startFake<PagerDutySettings>('pager-duty');
});
afterAll(async () => {
  await pager?.stop();
  rmSync(folder, { recursive: true });
});

const tells = { alarms: 'all', incidents: true, drills: true, rotations: true };

function ports(notifySection: object | undefined) {
  const killSheet = join(folder, 'kill-sheet.json');
  const sheet: KillSheet = {
    ...{ format: 1, installation: 'abcd1234', n: 1, at: 1, credentials: [] },
    targets: { targets: {}, backends: {}, ...(notifySection && { notify: notifySection }) },
  };
  writeFileSync(killSheet, JSON.stringify(sheet), { mode: 0o600 });
  const { places, secret } = containmentPorts({
    ledger: () => Promise.reject(new KeybatonError('UNAVAILABLE', 'the ledger is down')),
    killSheet,
    key: undefined,
    adapters: { providers: {}, backends: {} },
    environment: { PAGER_KEY: pager.adminKey },
  });
  return { channels: async () => openChannels(await places.channels(), secret), now: () => Date.now() };
}
const tell = (section: object | undefined) =>
  notify(ports(section), { notice: told({ kind: 'declared' }) }, AbortSignal.timeout(60_000));

test('with the ledger down people are told all the same: the kill sheet has the channels', async () => {
  const section = { 'on-call': { kind: 'pager-duty', address: pager.url, secret: 'env:PAGER_KEY', tells } };
  expect(await tell(section)).toMatchObject([{ channel: 'on-call', outcome: 'sent' }]);
  expect(await pager.control('GET', '/alerts')).toMatchObject([
    { dedupKey: 'incident/inc-1', status: 'triggered' } satisfies Partial<FakeAlert>,
  ]);
});

test('a secret that is not there keeps the other channels from nothing', async () => {
  const section = {
    audit: { kind: 'webhook', url: `${pager.url}/hook`, secret: 'env:NOT_SET', tells },
    'on-call': { kind: 'pager-duty', address: pager.url, secret: 'env:PAGER_KEY', tells },
  };
  expect(await tell(section)).toMatchObject([
    { channel: 'audit', outcome: 'refused', code: 'NOT_FOUND' },
    { channel: 'on-call', outcome: 'sent' },
  ]);
});

test('a targets file of an earlier build tells nobody', async () => {
  expect(await tell(undefined)).toEqual([]);
});

test('an alarm of the ledger reaches the pager of targets.yml as applied, with one call of the hook', async () => {
  const place = sqlitePlace();
  await place.start();
  const ledger = await openLedger({ url: await place.fresh() });
  try {
    const section = { 'on-call': { kind: 'pager-duty', address: pager.url, secret: 'env:PAGER_KEY', tells } };
    const targets = { targets: {}, backends: {}, notify: section };
    await ledger.applyInventory({ teams: ['support'], entries: [entry()], targets, actor: 'test' });
    const hook = noticeHook({
      ...{ ledger, killSheet: join(folder, 'none.json'), key: undefined },
      ...{ adapters: { providers: {}, backends: {} }, environment: { PAGER_KEY: pager.adminKey } },
    });
    await hook();
    await ledger.alarm({ credential: bot, key: 'held/1', text: 'held', page: true });
    expect(await hook()).toEqual({ sent: 1, behind: [] });
    expect(await pager.control('GET', '/alerts')).toContainEqual(
      expect.objectContaining({ dedupKey: `alarm/${bot}/held/1`, status: 'triggered' }),
    );
  } finally {
    await ledger.close();
    await place.stop();
  }
});
