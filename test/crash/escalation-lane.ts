import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { openEmbedded } from '../../backends/embedded.ts';
import { createReadMain } from '../../backends/embedded/read-main.ts';
import type { Entry } from '../../domain/entry.ts';
import { codeOf } from '../../domain/errors.ts';
import { frozenFrom } from '../../domain/freeze.ts';
import { incidentWorkflowId, parseCredentialId, type CredentialId, type VersionId } from '../../domain/identifiers.ts';
import type { Declaration, IncidentPace, IncidentProgress } from '../../domain/incident.ts';
import type { RotationResult } from '../../domain/rotation.ts';
import { openLedger } from '../../ledger/open.ts';
import { startScript } from '../../scripts/servers/child-process.ts';
import type { Program } from '../../scripts/servers/program.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { openIncidents } from '../../worker/incidents.ts';
import { installationKey } from '../../worker/installation-key.ts';
import { connectTemporal, rotations } from '../../worker/temporal.ts';
import { consumer, plainEntry, quick } from '../support/entries.ts';
import { until } from '../support/until.ts';
import type { EscalationCell } from './escalation-cells.ts';
import type { Family } from './families.ts';

/** Looks often, and is late after two minutes. */
const quickIncident: IncidentPace = { retryFrom: 50, retryTo: 500, outcomeEvery: 200, clock: 120_000 };

/** One worker process after another, with a ledger and a vault of their own: one cell at a time. */
export interface EscalationLane {
  /** Throws where nothing can be judged: a point was never reached, or something never came to its end. */
  cell(family: Family, cell: EscalationCell): Promise<EscalationEnd>;
  /** What is wrong with the ledger as a whole. */
  ledgerFaults(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface EscalationEnd {
  /** The worker was killed a second time, in the middle of what the emergency does. */
  readonly killedAgain: boolean;
  /** What was broken, in words; nothing when all is well. */
  readonly faults: readonly string[];
}

export async function openEscalationLane(
  server: { readonly address: string; readonly namespace: string },
  environment: Readonly<Record<string, string>>,
): Promise<EscalationLane> {
  const folder = temporaryFolder('escalation');
  const keyBytes = randomBytes(32);
  const ledger = await openLedger({ url: `sqlite:${join(folder.path, 'ledger.sqlite')}` });
  const temporal = await connectTemporal(server);
  const runs = rotations(async () => temporal, server.address);
  const incidents = openIncidents({ temporal: async () => temporal, address: server.address, rates: async () => ({}) });
  const vaultFile = join(folder.path, 'vault.sqlite');
  const readMain = createReadMain(
    openEmbedded({ file: vaultFile }, { key: (purpose) => installationKey(keyBytes).derive(purpose) }),
  );
  const targets: Record<string, unknown> = {};
  const armed = join(folder.path, 'kill-at');
  const killed = join(folder.path, 'killed-at');
  let worker: Program | undefined;
  let cells = 0;

  async function startWorker(): Promise<Program> {
    const started = await startScript({
      file: new URL('./worker-process.ts', import.meta.url),
      args: [folder.path, server.address, server.namespace],
      env: { ...environment, KEYBATON_INSTALLATION_KEY: keyBytes.toString('base64') },
    });
    await started.printed(/ready/);
    return started;
  }

  function arm(point: string): void {
    rmSync(killed, { force: true });
    writeFileSync(armed, point);
  }

  const result = (id: CredentialId): Promise<RotationResult> =>
    temporal.client.workflow.getHandle(`rotation/${id}`).result() as Promise<RotationResult>;
  const start = (id: CredentialId): Promise<unknown> =>
    runs.start({ credential: id, reason: 'test', actor: 'test', rehearse: false, pace: quick });
  const epochsOf = async (id: CredentialId): Promise<readonly VersionId[]> =>
    (await ledger.facts(id)).epochs.map(({ version }) => version);

  async function prove(id: CredentialId): Promise<void> {
    const { epoch } = (await ledger.facts(id)).epochs[0] ?? { epoch: 0 };
    const who = { credential: id, consumer: 'bot', instance: 'one' };
    await ledger.beat({ ...who, boot: 'boot', lease: 600_000 });
    await ledger.prove({ ...who, epoch, kind: 'possession', actor: 'consumer:bot' });
    await runs.wake(id);
  }

  async function cell(family: Family, { step, point, leaked, second }: EscalationCell): Promise<EscalationEnd> {
    cells += 1;
    // Lanes share what a family runs.
    const name = `${family.name}-${server.namespace}-${cells}`;
    const id = parseCredentialId(`${family.name}/test/${server.namespace}-${cells}`);
    targets[name] = {
      environment: 'test',
      teams: [name],
      paths: ['ai'],
      probes: {},
      ...(await family.target(name, folder.path)),
    };
    const apply = async (soak: number): Promise<void> => {
      const entry: Entry = {
        ...plainEntry(id, name, [{ backend: 'vault', path: `ai/${name}`, fields: undefined }]),
        target: name,
        consumers: [consumer('bot')],
        soak,
      };
      await ledger.applyInventory({
        teams: [name],
        entries: [entry],
        targets: { targets, backends: { vault: { kind: 'embedded', settings: { file: vaultFile }, path: 'ai' } } },
        actor: 'test',
      });
    };
    await apply(step === 'soaking' ? 600_000 : 0);
    worker ??= await startWorker();
    if (!worker.isRunning()) worker = await startWorker();
    await start(id);
    await result(id);
    await ledger.beat({ credential: id, consumer: 'bot', instance: 'one', boot: 'boot', lease: 600_000 });
    const [old] = await epochsOf(id);
    if (old === undefined) throw new Error('nothing is current');

    // Into the step, and dead in the middle of its effect.
    if (point !== undefined) arm(point);
    await ledger.request({ kind: 'rotate', credential: id, who: 'test', why: 'test' });
    await start(id);
    if (step === 'confirming' || step === 'soaking' || step === 'revoking' || step === 'destroying') {
      await until('it waits for proofs', async () => (await runs.status(id))?.step === 'confirming', 60_000);
      if (point !== undefined || step === 'soaking') await prove(id);
      if (point === undefined) await until(`it waits`, async () => (await runs.status(id))?.step === step, 60_000);
    }
    if (point === undefined) await worker.kill();
    else await until(`the worker is killed at ${point}`, () => worker?.isRunning() === false, 60_000);
    if (point !== undefined && !existsSync(killed)) throw new Error(`the worker ended before it came to ${point}`);
    const fresh = (await ledger.facts(id)).versions.at(-1)?.id;
    if (fresh === undefined || fresh === old) throw new Error('no new version was planned');

    const compromised = leaked === 'old' ? [old] : leaked === 'new' ? [fresh] : [old, fresh];
    const incident = await declare(id, compromised);
    const toldAt = Date.now();
    rmSync(armed, { force: true });
    if (second !== undefined) arm(second);
    worker = await startWorker();

    const awake = async (holds: () => Promise<boolean>): Promise<boolean> => {
      if (worker?.isRunning() === false) worker = await startWorker();
      return holds();
    };
    const dead = async (): Promise<boolean> =>
      (await ledger.facts(id)).versions.every((one) => !compromised.includes(one.id) || one.fate === 'dead');
    await until('all that leaked is proved dead', () => awake(dead), 80_000);
    // Nobody proved anything until here: what leaked did not wait for it.
    const lived = (await family.live(name, folder.path)).filter((one) => compromised.some((leak) => leak === one));
    const faults: string[] = lived.length === 0 ? [] : [`it is called dead, and lives: ${lived.join(', ')}`];

    await apply(0);
    const through = async (): Promise<boolean> => {
      const { openRun, epochs, versions } = await ledger.facts(id);
      const current = versions.find((one) => one.id === epochs[0]?.version);
      if (openRun === undefined && current?.fate === 'current' && !current.compromised) return true;
      // A later epoch may come meanwhile: then that one is proved next time.
      if (current !== undefined && !current.compromised) await prove(id).catch(unlessConflict);
      return false;
    };
    await until('it is replaced, and the rotation through', () => awake(through), 80_000);
    if (incident !== undefined) {
      const end = await progressAtEnd(incident);
      if (!end.closed || end.dead !== end.keys || end.open.length > 0)
        faults.push(`the incident ended with ${end.dead} of ${end.keys} dead, and ${end.open.length} open`);
    }
    const killedAgain = second !== undefined && existsSync(killed);
    rmSync(armed, { force: true });
    faults.push(...(await judge({ id, name, family, old, fresh, compromised, toldAt, step, leaked })));
    return { killedAgain, faults };

    async function progressAtEnd(of: string): Promise<IncidentProgress> {
      const ended = temporal.client.workflow.getHandle(incidentWorkflowId(of)).result() as Promise<IncidentProgress>;
      let end: IncidentProgress | undefined;
      ended.then((answer) => (end = answer)).catch(() => undefined);
      await until('the incident is closed', () => awake(async () => end !== undefined), 60_000);
      return ended;
    }
  }

  /** As the command does: the ledger is told beside Temporal, and nobody waits. What died before has nothing to be killed. */
  async function declare(id: CredentialId, compromised: readonly VersionId[]): Promise<string | undefined> {
    const incident = `i-${id.replaceAll('/', '-')}`;
    const declaredAt = Date.now();
    const versions = frozenFrom(await ledger.facts(id), compromised, declaredAt);
    const told = { incident, declaredAt, who: 'test', why: 'leaked', scope: `credential ${id}`, drill: false };
    await ledger.declareIncident({ ...told, versions: compromised });
    if (versions.length === 0) {
      await runs.escalate(id, { incident, compromised });
      return undefined;
    }
    const declaration: Declaration = { ...told, parts: 1, pace: quickIncident };
    await incidents.declare(declaration, [{ incident, part: 0, versions }]);
    return incident;
  }

  interface Judged extends Pick<EscalationCell, 'step' | 'leaked'> {
    readonly id: CredentialId;
    readonly name: string;
    readonly family: Family;
    readonly old: VersionId;
    readonly fresh: VersionId;
    readonly compromised: readonly VersionId[];
    readonly toldAt: number;
  }

  /** By the provider, the backend, and what was asked of the backend. */
  async function judge(judged: Judged): Promise<readonly string[]> {
    const { id, name, family, old, fresh, compromised, toldAt, step, leaked } = judged;
    const leak = (version: string): boolean => compromised.some((one) => one === version);
    const shown = readMain(`ai/${name}`, 'current').version;
    const live = await family.live(name, folder.path);
    const again = promotions().filter((one) => one.credential === id && one.at > toldAt && leak(one.version));
    const epochs = await epochsOf(id);
    const { versions } = await ledger.facts(id);
    const wasCurrent = step !== 'issuing' && step !== 'verifying';
    // Until it is killed the old one may come back; after that there is nothing to come back.
    const cameBack = epochs.some((version, index) => version === old && epochs[index + 1] === fresh);
    const mayComeBack = step === 'promoting' || step === 'confirming' || step === 'soaking';
    const holds: readonly (readonly [boolean, string])[] = [
      [isDeepStrictEqual(live, [shown]), `alive are ${live.join(', ')}, and consumers read ${shown}`],
      [!leak(shown), 'consumers read what leaked'],
      [again.length === 0, 'what leaked was promoted after the escalation'],
      [epochs[0] === shown, 'the ledger calls another version current than consumers read'],
      [leaked !== 'old' || step === 'issuing' || shown === fresh, 'the new version was there, and is not current'],
      [leaked !== 'new' || shown !== old, 'the old version stayed current, and no other was issued'],
      [
        leaked !== 'new' || epochs.some((version) => version === fresh) === wasCurrent,
        'the new version: was it current?',
      ],
      [leaked !== 'new' || cameBack === mayComeBack, `the old version ${cameBack ? 'came back' : 'did not come back'}`],
      [versions.every(({ id: one, fate }) => one === shown || fate !== 'doomed'), 'an old version is not proved dead'],
    ];
    return holds.filter(([kept]) => !kept).map(([, fault]) => fault);
  }

  function promotions(): readonly { readonly credential: string; readonly version: string; readonly at: number }[] {
    return readFileSync(join(folder.path, 'promotions.jsonl'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { credential: string; version: string; at: number });
  }

  return {
    cell,
    ledgerFaults: async () => {
      await worker?.stop();
      const before = await ledger.dump();
      await ledger.rebuild();
      const same = isDeepStrictEqual(await ledger.dump(), before);
      const { broken } = await ledger.verifyChain();
      return [...(same ? [] : ['its projections differ from a rebuild']), ...broken.map((one) => JSON.stringify(one))];
    },
    close: async () => {
      await worker?.stop();
      await ledger.close();
      await temporal.close();
      folder.remove();
    },
  };
}

function unlessConflict(thrown: unknown): void {
  if (codeOf(thrown) !== 'CONFLICT') throw thrown;
}
