import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { acknowledge } from '../../../control/operations/acknowledge.ts';
import { auditVerify } from '../../../control/operations/audit-verify.ts';
import { doctor } from '../../../control/operations/doctor.ts';
import { freeze } from '../../../control/operations/freeze.ts';
import { importVersion } from '../../../control/operations/import.ts';
import { list } from '../../../control/operations/list.ts';
import { pause } from '../../../control/operations/pause.ts';
import { release } from '../../../control/operations/release.ts';
import { rollBack } from '../../../control/operations/roll-back.ts';
import { show } from '../../../control/operations/show.ts';
import { statusAll } from '../../../control/operations/status-all.ts';
import { status } from '../../../control/operations/status.ts';
import { supply } from '../../../control/operations/supply.ts';
import { thaw } from '../../../control/operations/thaw.ts';
import { unpause } from '../../../control/operations/unpause.ts';
import { waive } from '../../../control/operations/waive.ts';
import { watch } from '../../../control/operations/watch.ts';
import { KeybatonError } from '../../../domain/errors.ts';
import { parseCredentialId } from '../../../domain/identifiers.ts';
import { SecretMaterial } from '../../../domain/secret-material.ts';
import { oneEntry, openBench } from '../bench.ts';
import type { Bench } from '../bench.ts';

const bot = parseCredentialId('in-memory/prod/bot');
const ada = { credential: bot, actor: 'os:ada', why: 'a good reason' };
let bench: Bench;

beforeEach(async () => {
  bench = await openBench();
  await bench.apply(
    oneEntry
      .replace('- name: web', '- name: web\n        demand: acknowledged')
      .replace('team: search\n    c', 'team: search\n    mode: ask\n    c'),
  );
});
afterEach(() => bench.close());

const missing = async (): Promise<readonly string[]> => (await status(bench.ports, { credential: bot })).missing;
const kinds = async (): Promise<readonly string[]> => (await bench.ledger.facts(bot)).requests.map(({ kind }) => kind);
/** Two epochs: an old version waits to die. */
async function twoVersions(): Promise<{ old: string; current: string }> {
  const old = await bench.promote(bot, 'r1');
  await bench.end(bot, 'r1', 'rotated');
  return { old, current: await bench.promote(bot, 'r2') };
}

describe('acknowledge', () => {
  test('counts for the newest epoch and wakes the rotation when nobody is missing', async () => {
    await twoVersions();
    expect(await missing()).toEqual(['web: no instance seen (acknowledged)']);
    expect(await acknowledge(bench.ports, { ...ada, consumer: 'web' })).toMatchObject({ epoch: 2, missing: 0 });
    expect([await missing(), bench.rotations.woken]).toEqual([[], [bot]]);
  });

  test('of a consumer that does not exist is NOT_FOUND', async () => {
    await twoVersions();
    await expect(acknowledge(bench.ports, { ...ada, consumer: 'ghost' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('before the first version is refused', async () => {
    await expect(acknowledge(bench.ports, { ...ada, consumer: 'web' })).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});

test('waive does without one consumer, by name, and wakes', async () => {
  await twoVersions();
  expect(await waive(bench.ports, { ...ada, consumer: 'web' })).toMatchObject({
    epoch: 2,
    told: { rotation: 'woken' },
  });
  expect(await missing()).toEqual([]);
});

describe('release', () => {
  test('is recorded under a name and starts or wakes the rotation', async () => {
    await twoVersions();
    const { request } = await release(bench.ports, { ...ada, release: 'ask' });
    expect(request).toMatchObject({ kind: 'release', release: 'ask', who: 'os:ada', why: 'a good reason', epoch: 2 });
    expect(bench.rotations.started).toMatchObject([{ reason: 'released' }]);
  });

  test('of what is not retiring is refused', async () => {
    await expect(release(bench.ports, { ...ada, release: 'retire' })).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});

describe('roll back', () => {
  test('goes to the version before, unless another is named', async () => {
    const { old } = await twoVersions();
    expect(await rollBack(bench.ports, ada)).toMatchObject({
      version: old,
      request: { kind: 'rollBack', version: old },
    });
    expect(await kinds()).toEqual(['rollBack']);
  });

  test('asked twice is one request', async () => {
    await twoVersions();
    const first = await rollBack(bench.ports, ada);
    expect((await rollBack(bench.ports, ada)).request.id).toBe(first.request.id);
  });

  test('without an earlier version is refused', async () => {
    await bench.promote(bot);
    await expect(rollBack(bench.ports, ada)).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});

describe('pause and freeze', () => {
  test('a second pause is the first, and unpause ends it', async () => {
    const { request } = await pause(bench.ports, ada);
    expect((await pause(bench.ports, ada)).request.id).toBe(request.id);
    expect((await unpause(bench.ports, ada)).withdrawn).toEqual([request.id]);
    expect([await kinds(), (await unpause(bench.ports, ada)).withdrawn]).toEqual([[], []]);
  });

  test('a pause stands though Temporal does not answer, and says that nobody was woken', async () => {
    bench.rotations.down = new KeybatonError('UNAVAILABLE', 'Temporal at 127.0.0.1:7233 does not answer');
    expect((await pause(bench.ports, ada)).told).toEqual({
      rotation: 'unreached',
      trouble: 'Temporal at 127.0.0.1:7233 does not answer',
    });
    expect(await kinds()).toEqual(['pause']);
  });

  test('a freeze of everything wakes who runs, and ending one credential does not end it', async () => {
    await bench.promote(bot);
    await freeze(bench.ports, { actor: 'os:ada', why: 'end of the quarter' });
    expect(bench.rotations.woken).toEqual([bot]);
    await freeze(bench.ports, ada);
    expect(await thaw(bench.ports, ada)).toMatchObject({ withdrawn: [expect.any(String)], stillFrozen: true });
    expect((await status(bench.ports, { credential: bot })).summary.frozen).toBe(true);
    expect(await thaw(bench.ports, { actor: 'os:ada', why: 'over' })).toMatchObject({
      withdrawn: [expect.any(String)],
    });
    expect((await status(bench.ports, { credential: bot })).summary.frozen).toBe(false);
  });
});

describe('what is shown', () => {
  test('status says what is missing and what a person can do', async () => {
    const { old, current } = await twoVersions();
    bench.rotations.running = {
      step: 'held',
      since: 0,
      waitsFor: 'web: no instance seen (acknowledged)',
      version: undefined,
    };
    const view = await status(bench.ports, { credential: bot });
    expect(view).toMatchObject({
      run: { step: 'held' },
      summary: { debts: [old], current: { version: current, epoch: 2 } },
    });
    expect(view.next.map(({ command }) => command)).toEqual([
      `keybaton waive ${bot} web --why "..."`,
      `keybaton release ${bot} --unproved --why "..."`,
      `keybaton rollback ${bot} --why "..."`,
    ]);
  });

  test('status works while Temporal does not answer, and says that it could not be asked', async () => {
    await bench.promote(bot);
    bench.rotations.down = new KeybatonError('UNAVAILABLE', 'Temporal at 127.0.0.1:7233 does not answer');
    expect(await status(bench.ports, { credential: bot })).toMatchObject({
      run: null,
      trouble: 'Temporal at 127.0.0.1:7233 does not answer',
      summary: { rotating: true },
    });
  });

  test('show has states, labels and refs of every version', async () => {
    const { old, current } = await twoVersions();
    expect((await show(bench.ports, { credential: bot })).versions).toMatchObject([
      { id: current, state: 'active', label: 'current', fate: 'current' },
      { id: old, state: 'active', label: 'previous', fate: 'doomed' },
    ]);
  });

  test('list pages through everything and can be narrowed to what needs somebody', async () => {
    await bench.promote(bot, 'r1');
    await bench.end(bot, 'r1', 'rotated');
    const needing = async (): Promise<readonly string[]> =>
      (await list(bench.ports, { needing: true })).credentials.map(({ id }) => id);
    expect(await needing()).toEqual([]);
    await bench.ledger.alarm({ credential: bot, key: 'held/1', text: 'web has not proved', page: false });
    expect(await needing()).toEqual([bot]);
    expect((await list(bench.ports, { team: 'nobody' })).credentials).toEqual([]);
  });

  test('watch yields every event once, in order', async () => {
    const stop = new AbortController();
    const seen: number[] = [];
    for await (const event of watch(bench.ports, { afterN: 0, signal: stop.signal, every: 5 })) {
      seen.push(event.n);
      if (event.kind === 'entry.added') await bench.ledger.alarm({ credential: bot, key: 'x', text: 'y', page: true });
      if (event.kind === 'alarm.raised') stop.abort();
    }
    expect(seen).toEqual([1, 2, 3]);
  });

  test('audit verify counts every event and finds the chain whole', async () => {
    await bench.promote(bot);
    const report = await auditVerify(bench.ports);
    expect([report.broken, report.events]).toEqual([[], (await bench.ledger.history({ limit: 1000 })).length]);
  });
});

test('doctor notes that it was asked, and a ledger that takes no note is a finding', async () => {
  bench.findings.doctor.push({ subject: 'temporal', verdict: 'ok', text: '3 ms' });
  expect(await doctor(bench.ports, { actor: 'os:ada' })).toHaveLength(1);
  expect((await bench.ledger.history({ limit: 1 }))[0]).toMatchObject({ kind: 'doctor.ran', actor: 'os:ada' });
  const full = {
    ...bench.ledger,
    note: () => Promise.reject(new KeybatonError('CAPACITY_EXHAUSTED', 'the disk is full')),
  };
  expect(await doctor({ ...bench.ports, ledger: full }, { actor: 'os:ada' })).toMatchObject([
    { verdict: 'ok' },
    { subject: 'ledger', verdict: 'failure' },
  ]);
});

describe('values that people bring', () => {
  const material = new SecretMaterial({ value: 'canary-4711' }, 'value');

  test('are handed on as material, and the rotation is told', async () => {
    await supply(bench.ports, { credential: bot, material, actor: 'os:ada' });
    expect(bench.supplied).toEqual([{ credential: bot, fields: { value: 'canary-4711' } }]);
    expect(bench.rotations.started).toMatchObject([{ reason: 'supplied' }]);
  });

  test('are imported with a ref, or with the word that nobody can revoke them, never with both or neither', async () => {
    const ask = { credential: bot, material, actor: 'os:ada' };
    await expect(importVersion(bench.ports, { ...ask, cannotRevoke: false })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
    });
    await expect(importVersion(bench.ports, { ...ask, refId: 'key-1', cannotRevoke: true })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
    });
    expect(await importVersion(bench.ports, { ...ask, refId: 'key-1', cannotRevoke: false })).toMatchObject({
      cannotRevoke: false,
    });
    expect(await importVersion(bench.ports, { ...ask, cannotRevoke: true })).toMatchObject({ cannotRevoke: true });
  });
});

test('when Temporal does not answer for one credential, it is not asked for the others', async () => {
  const entries = oneEntry + oneEntry.slice(oneEntry.indexOf('  in-memory')).replace('prod/bot', 'prod/two');
  await bench.apply(entries);
  let asked = 0;
  const rotations = {
    ...bench.ports.rotations,
    status: () => {
      asked += 1;
      return Promise.reject(new KeybatonError('UNAVAILABLE', 'Temporal at 127.0.0.1:7233 does not answer'));
    },
  };
  const { credentials } = await statusAll({ ledger: bench.ledger, rotations });
  expect([asked, credentials.map(({ trouble }) => trouble)]).toEqual([
    1,
    Array(2).fill('Temporal at 127.0.0.1:7233 does not answer'),
  ]);
});
