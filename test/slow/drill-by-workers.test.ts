import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { drillsDue } from '../../control/operations/drill-choice.ts';
import { backendRegistry } from '../../backends/registry.ts';
import { KeybatonError } from '../../domain/errors.ts';
import { whyNoDrill } from '../../domain/drill.ts';
import { drillWorkflowId } from '../../domain/identifiers.ts';
import { openLedger } from '../../ledger/open.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { providers } from '../../providers/registry.ts';
import { filesOf, placeOf } from '../../scripts/demo/search-places.ts';
import { startTemporalServer, type TemporalServer } from '../../scripts/servers/temporal-server.ts';
import { root } from '../../scripts/setup/places.mjs';
import { openDrillsByWorkers } from '../../worker/drills-by-workers.ts';
import { readInstallationKey } from '../../worker/installation-key.ts';
import { installRuntime, openLog } from '../../worker/log.ts';
import { runWorker, type RunningWorker } from '../../worker/run-worker.ts';
import { defaultSweep, sweepNow } from '../../worker/schedule.ts';
import { connectTemporal } from '../../worker/temporal.ts';
import { search } from '../../scripts/leak-hunt/search.ts';
import { until } from '../support/until.ts';
import { bot, drillRig, type DrillRig } from '../worker/drill-rig.ts';

let server: TemporalServer;
installRuntime(openLog('silent'));
beforeAll(async () => void (server = await startTemporalServer()), 60_000);
afterAll(() => server.stop());

let rig: DrillRig;
let stops: (() => Promise<unknown>)[];
beforeEach(async () => {
  stops = [];
  const { address: TEMPORAL_ADDRESS, namespace: TEMPORAL_NAMESPACE } = server;
  rig = await drillRig({ imported: false, environment: { TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE } });
}, 60_000);
afterEach(async () => {
  for (const stop of stops.toReversed()) await stop();
  await rig.close();
}, 60_000);

/** The product's worker, in this process; without a Schedule that fires by itself. */
async function work(ledger: Ledger): Promise<RunningWorker> {
  const running = await runWorker({
    temporal: server,
    ledger,
    key: await readInstallationKey({ home: rig.home, environment: rig.environment, create: false }),
    adapters: { providers, backends: backendRegistry },
    environment: rig.environment,
    log: openLog('silent'),
    sweep: { ...defaultSweep, every: 30 * 86_400_000 },
    incidents: { home: rig.home, killSheet: join(rig.home, 'kill-sheet.json') },
  });
  stops.push(async () => {
    running.stop();
    await running.ended;
  });
  return running;
}

async function rotated(): Promise<void> {
  expect((await rig.type(['rotate', bot, '--wait'])).exit).toBe(0);
}

describe('a drill with workers', () => {
  it('is killed by them, by the path of every emergency, and leaves nothing behind', { timeout: 180_000 }, async () => {
    await work(rig.ledger);
    await rotated();
    const before = await rig.facts();
    const { exit, stdout } = await rig.type(['drill', bot, '--json', '--linger', '1s']);
    const said = JSON.parse(stdout);
    expect(said).toMatchObject({ how: 'temporal', measures: { verdict: 'passed', because: [] } });
    expect(exit).toBe(0);
    await until('its copies are erased, its incident is closed and nothing runs', async () => {
      const facts = await rig.facts();
      const made = facts.versions.find(({ id }) => id === said.version);
      const { closedAt } = await rig.ledger.incident(said.incident);
      return closedAt !== undefined && facts.openRun === undefined && made?.copies.every(({ gone }) => gone) === true;
    });
    const after = await rig.facts();
    expect([after.epochs, after.due]).toEqual([before.epochs, before.due]);
    expect(after.versions).toHaveLength(2);
    expect(rig.standing()).toHaveLength(1);
    expect(rig.minted).toHaveLength(1);
    const places = [...filesOf(rig.home), server.dbFilename].map((file) => placeOf(file));
    for (const place of places) expect([place.name, search(place, rig.minted)]).toEqual([place.name, []]);
  });

  it(
    'is begun by the sweep where its target says so, and not again before the tier asks for it',
    { timeout: 180_000 },
    async () => {
      await work(rig.ledger);
      await rotated();
      await rig.schedule();
      const { client, close } = await connectTemporal(server);
      stops.push(close);
      await sweepNow(client);
      await until('a drill was measured', async () => (await measured()).length > 0, 90_000);
      expect(await measured()).toEqual([
        expect.objectContaining({
          actor: 'sweep',
          body: expect.objectContaining({ verdict: 'passed', how: 'temporal' }),
        }),
      ]);
      expect((await rig.facts()).versions.filter(({ drill }) => drill)).toMatchObject([{ fate: 'dead' }]);
      await until('it is at rest again', async () => whyNoDrill(await rig.facts()) === undefined);
      // Remembered after it was noted.
      await until('none is due', async () => (await drillsDue(rig.ledger, new Set(['memory']))).length === 0);
      // One that still ends would be the one drill of the credential to whoever asks next.
      await client.workflow.getHandle(drillWorkflowId(bot)).result();
    },
  );

  it('is asked for through the API by whoever may, is theirs in the record, and is one at a time', async () => {
    const running = await work(rig.ledger);
    await rotated();
    const drills = openDrillsByWorkers(() => connected(), server.address);
    const asked = { credential: bot, actor: 'token:ada' };
    expect(await drills.run(asked, 1)).toEqual({ kind: 'running' });
    await expect(drills.run(asked, 1)).rejects.toMatchObject({ code: 'CONFLICT' });
    await until('it was measured', async () => (await measured()).length > 0, 90_000);
    expect(await measured()).toMatchObject([{ actor: 'token:ada', body: { verdict: 'passed', how: 'temporal' } }]);
    await until('it is at rest again', async () => whyNoDrill(await rig.facts()) === undefined);
    // Somebody paused it since the API looked: the worker's word comes back as it is.
    await rig.ledger.request({ kind: 'pause', credential: bot, who: 'os:ada', why: 'test' });
    await until('it is refused', () =>
      drills.run(asked, 20_000).then(
        () => false,
        (thrown: unknown) => thrown instanceof KeybatonError && thrown.message.includes('paused'),
      ),
    );
    running.stop();
    await running.ended;
  }, 180_000);

  it(
    'that is killed after its key was made leaves a debt, and the next sweep has it killed',
    { timeout: 180_000 },
    async () => {
      const first = await work(rig.ledger);
      await rotated();
      first.stop();
      await first.ended;

      const drilling = spawn(process.execPath, [join(root, 'bin', 'keybaton.js'), 'drill', bot], {
        env: { ...rig.environment, PATH: process.env['PATH'] },
        stdio: 'ignore',
      });
      const gone = new Promise((resolve) => drilling.once('close', resolve));
      await until('the thief has the key', () => rig.standing().length === 2 && thieves().length > 0, 90_000);
      const thief = thieves();
      drilling.kill('SIGKILL');
      await gone;
      await until('its thief has ended with it', () => !thieves().some((one) => thief.includes(one)));
      const [made] = (await rig.facts()).versions.filter(({ drill }) => drill);
      expect(made).toMatchObject({ fate: 'doomed', dead: undefined });
      expect(rig.standing()).toHaveLength(2);

      // Nobody takes a key from under its drill for a while: this ledger's clock is past that.
      const later = await openLedger({
        url: `sqlite:${join(rig.home, 'ledger.sqlite')}`,
        clock: () => Date.now() + 5 * 60_000,
      });
      stops.push(() => later.close());
      await work(later);
      const { client, close } = await connectTemporal(server);
      stops.push(close);
      await sweepNow(client);
      await until(
        'the key is proved dead',
        async () => {
          const { versions } = await later.facts(bot);
          return versions.find(({ id }) => id === made?.id)?.fate === 'dead';
        },
        90_000,
      );
      expect(rig.standing()).toHaveLength(1);
    },
  );
});

async function connected() {
  const temporal = await connectTemporal(server);
  stops.push(temporal.close);
  return temporal;
}

const measured = async () =>
  (await rig.ledger.history({ credential: bot, limit: 100 })).filter(({ kind }) => kind === 'drill.measured');

/** Ids of the processes that use a stolen key now. */
function thieves(): readonly string[] {
  return readdirSync('/proc').filter((id) => {
    try {
      return /^\d+$/.test(id) && readFileSync(`/proc/${id}/cmdline`).includes('drill-thief');
    } catch {
      return false;
    }
  });
}
