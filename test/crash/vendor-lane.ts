import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { openEmbedded } from '../../backends/embedded.ts';
import { createReadMain } from '../../backends/embedded/read-main.ts';
import { frozenFrom } from '../../domain/freeze.ts';
import { incidentWorkflowId, parseCredentialId, type CredentialId } from '../../domain/identifiers.ts';
import type { IncidentPace, IncidentProgress } from '../../domain/incident.ts';
import type { RotationResult } from '../../domain/rotation.ts';
import { openLedger } from '../../ledger/open.ts';
import { startScript } from '../../scripts/servers/child-process.ts';
import { poll } from '../../scripts/servers/poll.ts';
import type { Program } from '../../scripts/servers/program.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { root } from '../../scripts/setup/places.mjs';
import { openIncidents } from '../../worker/incidents.ts';
import { installationKey } from '../../worker/installation-key.ts';
import { connectTemporal, rotations } from '../../worker/temporal.ts';
import { plainEntry, quick } from '../support/entries.ts';
import { armedFile, arrivedFile, type Armed } from './held-calls.ts';
import type { Shown, VendorFamily } from './vendor-families.ts';

const quickIncident: IncidentPace = { retryFrom: 50, retryTo: 500, outcomeEvery: 200, clock: 120_000 };

/** A worker is killed with SIGKILL at one point of one rotation, scheduled or because what is current has leaked. */
export interface VendorCell {
  readonly family: VendorFamily;
  readonly why: 'scheduled' | 'emergency';
  readonly point: string;
}

export interface VendorCellEnd extends VendorCell {
  readonly reached: boolean;
  /** What was broken, in words; nothing when all is well. */
  readonly faults: readonly string[];
}

export interface VendorLane {
  /** Every cell has its first version in peace; then the worker is killed in all of them at once, and started again. */
  play(cells: readonly VendorCell[]): Promise<readonly VendorCellEnd[]>;
  close(): Promise<void>;
}

interface Played extends VendorCell {
  readonly id: CredentialId;
  readonly label: string;
  readonly shown: Shown[];
}

/** For whatever must happen on a busy machine, in milliseconds. What only a person can kill is looked at every 60 to 90 s, twice. */
const patience = 300_000;

export async function openVendorLane(
  server: { readonly address: string; readonly namespace: string },
  families: readonly VendorFamily[],
): Promise<VendorLane> {
  const folder = temporaryFolder('vendors');
  const keyBytes = randomBytes(32);
  const environment: Record<string, string> = { KEYBATON_INSTALLATION_KEY: keyBytes.toString('base64') };
  for (const family of families) Object.assign(environment, family.environment);
  const ledger = await openLedger({ url: `sqlite:${join(folder.path, 'ledger.sqlite')}` });
  const temporal = await connectTemporal(server);
  const runs = rotations(async () => temporal, server.address);
  const incidents = openIncidents({ temporal: async () => temporal, address: server.address, rates: async () => ({}) });
  const vaultFile = join(folder.path, 'vault.sqlite');
  const readMain = createReadMain(
    openEmbedded({ file: vaultFile }, { key: (purpose) => installationKey(keyBytes).derive(purpose) }),
  );
  const targets: Record<string, unknown> = {};
  let worker: Program | undefined;
  let cellsPlayed = 0;

  async function startWorker(): Promise<Program> {
    const started = await startScript({
      file: new URL('./held-worker.ts', import.meta.url),
      args: [folder.path, server.address, server.namespace],
      env: environment,
    });
    await started.printed(/ready/);
    return started;
  }

  /** What a workflow returns; what it waits for when it does not come to its end. */
  async function result<Result>(workflow: string, id: CredentialId): Promise<Result> {
    const handle = temporal.client.workflow.getHandle(workflow);
    // A call for the result that nobody waits for any more would fail when the connection is closed, and end the process.
    const ended = async (): Promise<boolean> => (await handle.describe()).status.name !== 'RUNNING';
    await poll(ended, { what: `the end of ${workflow}`, within: patience, every: 250 }).catch(async () => {
      const alarms = (await ledger.openAlarms(id)).map(({ text }) => text);
      throw new Error(`${workflow} did not end: ${JSON.stringify([await runs.status(id), alarms])}`);
    });
    // Whoever asks knows which workflow it is.
    return (await handle.result()) as Result;
  }
  const rotated = (id: CredentialId): Promise<RotationResult> => result(`rotation/${id}`, id);
  const start = (id: CredentialId): Promise<unknown> =>
    runs.start({ credential: id, reason: 'test', actor: 'test', rehearse: false, pace: quick });

  /** Everything of one team: one applying for all of them. */
  async function apply(cells: readonly VendorCell[]): Promise<readonly Played[]> {
    const team = `cells-${cellsPlayed}`;
    const played: Played[] = [];
    for (const cell of cells) {
      cellsPlayed += 1;
      const label = `${cell.family.name}-${cellsPlayed}`;
      const target = await cell.family.target(label);
      targets[label] = {
        ...{ provider: cell.family.name, environment: 'test', teams: [team], paths: ['ai'], probes: {} },
        ...target,
      };
      played.push({ ...cell, label, id: parseCredentialId(`${cell.family.name}/test/${label}`), shown: [] });
    }
    const entries = played.map(({ id, label }) => ({
      ...plainEntry(id, team, [{ backend: 'vault', path: `ai/${label}`, fields: undefined }]),
      target: label,
    }));
    const backends = { vault: { kind: 'embedded', settings: { file: vaultFile }, path: 'ai' } };
    await ledger.applyInventory({ teams: [team], entries, targets: { targets, backends }, actor: 'test' });
    return played;
  }

  /** Types `keybaton supply`, and pastes. */
  async function paste(id: CredentialId, value: string): Promise<void> {
    const typed = await startScript({
      file: join(root, 'bin', 'keybaton.js'),
      args: ['supply', id],
      cwd: folder.path,
      env: {
        ...environment,
        KEYBATON_HOME: folder.path,
        TEMPORAL_ADDRESS: server.address,
        TEMPORAL_NAMESPACE: server.namespace,
      },
    });
    typed.stdin.end(value);
    const { code } = await typed.ended;
    if (code !== 0) throw new Error(`keybaton supply ended with ${String(code)}: ${typed.output()}`);
  }

  /** What people are asked for they do, once each, as long as this lasts. */
  function personAt(played: readonly Played[]): { stop(): Promise<void> } {
    const heard = new Set<string>();
    let over = false;
    async function act({ id, label, family: { people } }: Played): Promise<void> {
      if (people === undefined) return;
      for (const { key } of await ledger.openAlarms(id)) {
        const [, wish, version] = /^(supply|by-hand)\/(?:wanted\/|overdue\/)?(kb[a-z0-9]{30})$/.exec(key) ?? [];
        if (version === undefined || heard.has(`${wish} ${version}`)) continue;
        heard.add(`${wish} ${version}`);
        if (wish === 'supply') await paste(id, await people.make(label, version));
        else {
          await people.delete(version);
          await runs.wake(id);
        }
      }
    }
    const working = (async () => {
      while (!over) {
        await Promise.all(played.map(act));
        await wait(100);
      }
    })();
    return {
      stop: async () => {
        over = true;
        await working;
      },
    };
  }

  async function leak({ id, label }: Played): Promise<void> {
    const facts = await ledger.facts(id);
    const compromised = facts.epochs.slice(0, 1).map(({ version }) => version);
    const declaredAt = Date.now();
    const incident = `i-${label}`;
    const told = { incident, declaredAt, who: 'test', why: 'leaked', scope: `credential ${id}`, drill: false };
    await ledger.declareIncident({ ...told, versions: compromised });
    const versions = frozenFrom(facts, compromised, declaredAt);
    await incidents.declare({ ...told, parts: 1, pace: quickIncident }, [{ incident, part: 0, versions }]);
  }

  const look = ({ label }: Played): Shown => {
    const { version, fields } = readMain(`ai/${label}`, 'current');
    return { version, fields: fields.reveal() };
  };

  async function play(cells: readonly VendorCell[]): Promise<readonly VendorCellEnd[]> {
    const played = await apply(cells);
    worker ??= await startWorker();
    const person = personAt(played);
    try {
      await Promise.all(played.map(({ id }) => start(id)));
      await Promise.all(played.map(({ id }) => rotated(id)));
      for (const one of played) one.shown.push(look(one));

      rmSync(arrivedFile(folder.path), { force: true });
      const armed = armedFile(folder.path);
      const points: Armed = Object.fromEntries(played.map(({ label, point }) => [label, point]));
      writeFileSync(`${armed}.new`, JSON.stringify(points));
      renameSync(`${armed}.new`, armed);
      for (const one of played) {
        if (one.why === 'emergency') await leak(one);
        else {
          await ledger.request({ kind: 'rotate', credential: one.id, who: 'test', why: 'test' });
          await start(one.id);
        }
      }
      const arrived = (): readonly string[] =>
        existsSync(arrivedFile(folder.path)) ? readFileSync(arrivedFile(folder.path), 'utf8').trim().split('\n') : [];
      await poll(() => played.every(({ label }) => arrived().includes(label)), {
        what: 'every rotation is held at its point',
        within: patience,
        every: 50,
      }).catch(() => undefined);
      const reached = new Set(arrived());
      await worker.kill();
      rmSync(armed);
      worker = await startWorker();
      return await Promise.all(
        played.map(async (one) => ({
          ...{ family: one.family, why: one.why, point: one.point },
          reached: reached.has(one.label),
          faults: await ended(one)
            .catch((thrown: unknown) => [String(thrown)])
            .then(async (faults) => [...faults, ...(await judge(one))]),
        })),
      );
    } finally {
      await person.stop();
    }
  }

  async function ended({ id, label, why }: Played): Promise<readonly string[]> {
    const faults: string[] = [];
    if (why === 'emergency') {
      const { dead, replaced, keys, open } = await result<IncidentProgress>(incidentWorkflowId(`i-${label}`), id);
      if (dead !== keys || replaced !== keys || open.length > 0)
        faults.push(`the incident ended with ${dead} dead and ${replaced} replaced of ${keys}, ${open.length} open`);
    }
    const { outcome } = await rotated(id);
    return outcome === 'rotated' || outcome === 'nothing' ? faults : [...faults, `its rotation ended as ${outcome}`];
  }

  /** By what the provider's fake says, and by what consumers read. */
  async function judge(one: Played): Promise<readonly string[]> {
    const { id, label, family } = one;
    const [old] = one.shown;
    const now = look(one);
    const live = await family.live(label, [...one.shown, now]);
    const facts = await ledger.facts(id);
    const holds: readonly (readonly [boolean, string])[] = [
      [isDeepStrictEqual(live, [now.version]), `alive are ${live.join(', ')}, and consumers read ${now.version}`],
      [now.version !== old?.version && !isDeepStrictEqual(now.fields, old?.fields), 'it was not replaced'],
      [facts.epochs[0]?.version === now.version, 'the ledger calls another version current than consumers read'],
      [
        facts.versions.every((version) => version.id === now.version || version.fate === 'dead'),
        'an old version is not proved dead',
      ],
      [facts.openRun === undefined, 'its run is open'],
    ];
    const gone = await family.othersGone(label);
    return [...holds.filter(([kept]) => !kept).map(([, fault]) => fault), ...gone.map((what) => `${what} is gone`)];
  }

  return {
    play,
    close: async () => {
      await worker?.stop();
      await ledger.close();
      await temporal.close();
      folder.remove();
    },
  };
}
