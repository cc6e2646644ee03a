import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { openEmbedded } from '../../backends/embedded.ts';
import { createReadMain } from '../../backends/embedded/read-main.ts';
import type { Entry } from '../../domain/entry.ts';
import { parseCredentialId, type CredentialId } from '../../domain/identifiers.ts';
import type { RotationResult } from '../../domain/rotation.ts';
import { openLedger } from '../../ledger/open.ts';
import type { Family } from './families.ts';
import { plainEntry, quick } from '../support/entries.ts';
import { installationKey } from '../../worker/installation-key.ts';
import { connectTemporal, rotations } from '../../worker/temporal.ts';
import { startScript } from '../../scripts/servers/child-process.ts';
import { poll } from '../../scripts/servers/poll.ts';
import type { Program } from '../../scripts/servers/program.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { armedFile, arrivedFile, labelOf, muteFolder, type Armed } from './held-calls.ts';
import { muteProxy, type MuteProxy } from './mute-proxy.ts';
import type { Store } from './stores.ts';

/** A worker is killed with SIGKILL at one point of one rotation. */
export interface CallCell {
  readonly family: Family;
  /** `provider.issue:after`: one of `killPoints`, or of `storePoints`. */
  readonly point: string;
  /** Where its versions are kept; unsaid: in an embedded vault. */
  readonly store?: Store | undefined;
}

export interface CallCellEnd extends CallCell {
  /** The point lies on this family's path at all. */
  readonly reached: boolean;
  /** What was broken, in words; nothing when all is well. */
  readonly faults: readonly string[];
}

/** One worker process after another, with a ledger and a vault of their own. */
export interface CallLane {
  /**
   * Rotates a credential for each cell in peace, and again until each is held at its point; kills the worker in all of
   * them at once, starts it again, waits for every rotation's end, and judges at provider and backend.
   */
  play(cells: readonly CallCell[]): Promise<readonly CallCellEnd[]>;
  /** What is wrong with the ledger as a whole. */
  ledgerFaults(): Promise<readonly string[]>;
  close(): Promise<void>;
}

interface Played extends CallCell {
  readonly id: CredentialId;
  readonly label: string;
}

/** For whatever must happen on a busy machine, in milliseconds. */
const patience = 120_000;

export async function openCallLane(
  server: { readonly address: string; readonly namespace: string },
  families: readonly Family[],
  stores: readonly Store[] = [],
): Promise<CallLane> {
  const folder = temporaryFolder('crash');
  const keyBytes = randomBytes(32);
  const environment: Record<string, string> = { KEYBATON_INSTALLATION_KEY: keyBytes.toString('base64') };
  for (const { environment: own } of [...families, ...stores]) Object.assign(environment, own);
  const ledger = await openLedger({ url: `sqlite:${join(folder.path, 'ledger.sqlite')}` });
  const temporal = await connectTemporal(server);
  const runs = rotations(async () => temporal, server.address);
  const targets: Record<string, unknown> = {};
  const vaultFile = join(folder.path, 'vault.sqlite');
  const backends: Record<string, unknown> = { vault: { kind: 'embedded', settings: { file: vaultFile }, path: 'ai' } };
  mkdirSync(muteFolder(folder.path));
  const ways: MuteProxy[] = [];
  for (const store of stores) {
    const way = await muteProxy(store.url, folder.path);
    ways.push(way);
    backends[store.name] = store.backend(way.url);
  }
  const readMain = createReadMain(
    openEmbedded({ file: vaultFile }, { key: (purpose) => installationKey(keyBytes).derive(purpose) }),
  );
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

  const result = (id: CredentialId): Promise<RotationResult> =>
    // What the workflow returns.
    temporal.client.workflow.getHandle(`rotation/${id}`).result() as Promise<RotationResult>;
  const start = (id: CredentialId): Promise<unknown> =>
    runs.start({ credential: id, reason: 'test', actor: 'test', rehearse: false, pace: quick });

  /** Everything of one team: one applying for all of them. */
  async function apply(cells: readonly CallCell[]): Promise<readonly Played[]> {
    const team = `cells-${cellsPlayed}`;
    const entries: Entry[] = [];
    const played: Played[] = [];
    for (const { family, point, store } of cells) {
      cellsPlayed += 1;
      const label = `${store?.name ?? family.name}-${cellsPlayed}`;
      const id = parseCredentialId(`${family.name}/test/${label}`);
      const target = await family.target(label, folder.path);
      targets[label] = { environment: 'test', teams: [team], paths: ['ai'], probes: {}, ...target };
      const places = store?.places(label) ?? [{ backend: 'vault', path: `ai/${label}`, fields: undefined }];
      entries.push({ ...plainEntry(id, team, places), target: label, standby: family.standby === true });
      played.push({ family, point, store, id, label });
    }
    await ledger.applyInventory({ teams: [team], entries, targets: { targets, backends }, actor: 'test' });
    return played;
  }

  async function play(cells: readonly CallCell[]): Promise<readonly CallCellEnd[]> {
    const played = await apply(cells);
    worker ??= await startWorker();
    await Promise.all(played.map(({ id }) => start(id)));
    await Promise.all(played.map(({ id }) => result(id)));

    const armed = armedFile(folder.path);
    const points: Armed = Object.fromEntries(played.map(({ label, point }) => [label, point]));
    rmSync(arrivedFile(folder.path), { force: true });
    writeFileSync(`${armed}.new`, JSON.stringify(points));
    renameSync(`${armed}.new`, armed);
    for (const { id } of played) await ledger.request({ kind: 'rotate', credential: id, who: 'test', why: 'test' });
    await Promise.all(played.map(({ id }) => start(id)));

    const ended = new Set<string>();
    for (const { id, label } of played)
      void result(id)
        .catch(() => undefined)
        .then(() => ended.add(label));
    const arrived = (): readonly string[] =>
      existsSync(arrivedFile(folder.path)) ? readFileSync(arrivedFile(folder.path), 'utf8').trim().split('\n') : [];
    const settled = (): boolean => {
      const held = new Set(arrived());
      return played.every(({ label }) => ended.has(label) || held.has(label));
    };
    await poll(settled, { what: 'every rotation is held at its point, or has ended', within: patience, every: 50 });
    const reached = new Set(arrived());
    await worker.kill();
    rmSync(armed);
    for (const { label } of played) rmSync(join(muteFolder(folder.path), label), { force: true });
    for (const way of ways) way.drop();
    worker = await startWorker();

    return Promise.all(
      played.map(async (one) => {
        const { outcome } = await result(one.id);
        const faults = /rotated|nothing/.test(outcome) ? [] : [`its rotation ended as ${outcome}`];
        faults.push(...(await judge(one)));
        const { family, point, store } = one;
        return { family, point, store, reached: reached.has(one.label), faults };
      }),
    );
  }

  /** Verdicts come from the provider and the backend. */
  async function judge({ id, family, store, label }: Played): Promise<readonly string[]> {
    const live = await family.live(label, folder.path);
    const look = await store?.look(label);
    const shown = look === undefined ? readMain(`ai/${label}`, 'current').version : look.shown?.version;
    if (shown === undefined) return [`${labelOf(id)}: consumers read nothing`];
    const facts = await ledger.facts(id);
    const spares = facts.versions.filter(({ fate }) => fate === 'standby');
    const meant = [shown, ...spares.map((spare) => spare.id)];
    const others = facts.versions.filter((version) => version.id !== shown);
    const holds: (readonly [boolean, string])[] = [
      [
        isDeepStrictEqual(live.toSorted(), meant.toSorted()),
        `alive are ${live.join(', ')}; consumers read ${shown}, and ${spares.length} spare ones stand ready`,
      ],
      [
        isDeepStrictEqual(
          spares.map(({ issued }) => issued),
          family.standby === true ? [true] : [],
        ),
        'a spare is missing',
      ],
      [facts.epochs[0]?.version === shown, 'the ledger calls another version current than consumers read'],
      [facts.epochs.length === 2, `${facts.epochs.length} epochs were decided, where two were asked for`],
      [!others.some(({ fate }) => fate === 'doomed'), 'an old version is not proved dead'],
      [facts.openRun === undefined, 'its run is open'],
    ];
    if (look?.shown !== undefined) {
      const inVault = store?.places(label).some(({ backend }) => backend === 'vault') === true;
      holds.push(
        [isDeepStrictEqual(look.kept, [shown]), `the store keeps ${look.kept.join(', ')}; consumers read ${shown}`],
        [!inVault || readMain(`ai/${label}`, 'current').version === shown, 'the vault beside it shows another version'],
        [(await family.accepts?.(label, folder.path, look.shown.value)) !== false, 'what consumers read is refused'],
      );
    }
    return holds.filter(([kept]) => !kept).map(([, fault]) => `${labelOf(id)}: ${fault}`);
  }

  return {
    play,
    async ledgerFaults() {
      const before = await ledger.dump();
      await ledger.rebuild();
      const same = isDeepStrictEqual(await ledger.dump(), before);
      const { broken } = await ledger.verifyChain();
      return [...(same ? [] : ['its projections differ from a rebuild']), ...broken.map((one) => JSON.stringify(one))];
    },
    close: async () => {
      await worker?.stop();
      for (const way of ways) await way.close();
      await ledger.close();
      await temporal.close();
      folder.remove();
    },
  };
}
