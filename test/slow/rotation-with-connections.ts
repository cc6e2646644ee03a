import { randomBytes } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openEmbedded } from '../../backends/embedded.ts';
import { createReadMain } from '../../backends/embedded/read-main.ts';
import type { Entry } from '../../domain/entry.ts';
import { codeOf } from '../../domain/errors.ts';
import { frozenFrom } from '../../domain/freeze.ts';
import { incidentWorkflowId, parseCredentialId, type VersionId } from '../../domain/identifiers.ts';
import type { Declaration, IncidentProgress } from '../../domain/incident.ts';
import type { RotationResult } from '../../domain/rotation.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import { openLedger } from '../../ledger/open.ts';
import { startScript } from '../../scripts/servers/child-process.ts';
import type { Program } from '../../scripts/servers/program.ts';
import { startTemporalServer } from '../../scripts/servers/temporal-server.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { openIncidents } from '../../worker/incidents.ts';
import { installationKey } from '../../worker/installation-key.ts';
import { connectTemporal, rotations } from '../../worker/temporal.ts';
import { consumer, plainEntry, quick } from '../support/entries.ts';
import { until } from '../support/until.ts';

export interface Subject {
  readonly provider: string;
  readonly settings: unknown;
  readonly admin: { readonly username: string; readonly password: string };
  connect(material: SecretMaterial): Promise<{ isOpen(): Promise<boolean>; close(): Promise<void> }>;
}

/** What was open before and after, and what lived at the end; for a rotation and for the emergency after it. */
export interface Seen {
  readonly killed: boolean;
  readonly outcome: string;
  /** Beside each other, before the old version died: old, new. */
  readonly overlap: readonly boolean[];
  /** After the rotation: of the old version, of the new one. */
  readonly afterRotation: readonly boolean[];
  /** After the emergency: of what leaked, of its replacement. */
  readonly afterEmergency: readonly boolean[];
  readonly incident: Pick<IncidentProgress, 'closed' | 'dead' | 'keys' | 'open'>;
  /** Versions that were made, the oldest first, and which of them consumers read at the end. */
  readonly versions: readonly string[];
  readonly shown: string;
}

/** One whole rotation with a worker that is killed when the old version has just been revoked, then an emergency about the new one. */
export async function rotateWithConnections(subject: Subject): Promise<Seen> {
  const server = await startTemporalServer();
  const folder = temporaryFolder('connections');
  const keyBytes = randomBytes(32);
  const ledger = await openLedger({ url: `sqlite:${join(folder.path, 'ledger.sqlite')}` });
  const temporal = await connectTemporal(server);
  const runs = rotations(async () => temporal, server.address);
  const incidents = openIncidents({ temporal: async () => temporal, address: server.address, rates: async () => ({}) });
  const vaultFile = join(folder.path, 'vault.sqlite');
  const readMain = createReadMain(
    openEmbedded({ file: vaultFile }, { key: (purpose) => installationKey(keyBytes).derive(purpose) }),
  );
  const id = parseCredentialId(`${subject.provider}/test/bot`);
  const sessions: { isOpen(): Promise<boolean>; close(): Promise<void> }[] = [];
  let worker: Program | undefined;

  const startWorker = async (): Promise<Program> => {
    const started = await startScript({
      file: new URL('../crash/worker-process.ts', import.meta.url),
      args: [folder.path, server.address, server.namespace],
      env: { SUBJECT_ADMIN: JSON.stringify(subject.admin), KEYBATON_INSTALLATION_KEY: keyBytes.toString('base64') },
    });
    await started.printed(/ready/);
    return started;
  };
  const start = (): Promise<unknown> =>
    runs.start({ credential: id, reason: 'test', actor: 'test', rehearse: false, pace: quick });
  const result = (): Promise<RotationResult> =>
    temporal.client.workflow.getHandle(`rotation/${id}`).result() as Promise<RotationResult>;
  const shown = () => readMain(`ai/bot`, 'current');
  const bot = { credential: id, consumer: 'bot', instance: 'one' };
  const beat = (): Promise<unknown> => ledger.beat({ ...bot, boot: 'boot', lease: 600_000 });
  const prove = async (): Promise<void> => {
    const { epoch } = (await ledger.facts(id)).epochs[0] ?? { epoch: 0 };
    await beat();
    await ledger.prove({ ...bot, epoch, kind: 'possession', actor: 'consumer:bot' });
    await runs.wake(id);
  };
  const open = async () => {
    const session = await subject.connect(shown().fields);
    sessions.push(session);
    return session;
  };
  const areOpen = (...some: readonly (typeof sessions)[number][]) => Promise.all(some.map((one) => one.isOpen()));

  try {
    const entry: Entry = {
      ...plainEntry(id, 'bot', [{ backend: 'vault', path: 'ai/bot', fields: undefined }]),
      consumers: [consumer('bot')],
    };
    const { provider, settings } = subject;
    const target = { environment: 'test', teams: ['bot'], paths: ['ai'], probes: {}, provider, settings };
    await ledger.applyInventory({
      teams: ['bot'],
      entries: [entry],
      targets: {
        targets: { bot: { ...target, admin: 'env:SUBJECT_ADMIN' } },
        backends: { vault: { kind: 'embedded', settings: { file: vaultFile }, path: 'ai' } },
      },
      actor: 'test',
    });
    worker = await startWorker();
    await start();
    await result();
    await beat();
    const old = await open();

    writeFileSync(join(folder.path, 'kill-at'), 'provider.revoke:after');
    await ledger.request({ kind: 'rotate', credential: id, who: 'test', why: 'test' });
    await start();
    await until('it waits for proofs', async () => (await runs.status(id))?.step === 'confirming', 60_000);
    const young = await open();
    const overlap = await areOpen(old, young);
    await prove();
    await until('the worker is killed', () => worker?.isRunning() === false, 60_000);
    worker = await startWorker();
    const { outcome } = await result();
    const afterRotation = await areOpen(old, young);

    const leaked = (await ledger.facts(id)).epochs[0]?.version;
    if (leaked === undefined) throw new Error('nothing is current');
    const incident = await declare([leaked]);
    const replaced = async (): Promise<boolean> => {
      const { openRun, epochs } = await ledger.facts(id);
      if (epochs[0]?.version === leaked) return false;
      if (openRun === undefined) return true;
      await prove().catch(unlessConflict);
      return false;
    };
    await until('it is replaced', replaced, 60_000);
    const replacement = await open();
    const {
      closed,
      dead,
      keys,
      open: left,
    } = (await temporal.client.workflow.getHandle(incidentWorkflowId(incident)).result()) as IncidentProgress;
    return {
      killed: existsSync(join(folder.path, 'killed-at')),
      ...{ outcome, overlap, afterRotation },
      afterEmergency: await areOpen(young, replacement),
      incident: { closed, dead, keys, open: left },
      versions: (await ledger.facts(id)).versions.map((version) => version.id),
      shown: shown().version,
    };
  } finally {
    for (const session of sessions) await session.close();
    await worker?.stop();
    await ledger.close();
    await temporal.close();
    await server.stop();
    rmSync(vaultFile, { force: true });
    folder.remove();
  }

  async function declare(compromised: readonly VersionId[]): Promise<string> {
    const incident = 'i-connections';
    const declaredAt = Date.now();
    const versions = frozenFrom(await ledger.facts(id), compromised, declaredAt);
    const told = { incident, declaredAt, who: 'test', why: 'leaked', scope: `credential ${id}`, drill: false };
    await ledger.declareIncident({ ...told, versions: compromised });
    const pace = { retryFrom: 50, retryTo: 500, outcomeEvery: 200, clock: 120_000 };
    const declaration: Declaration = { ...told, parts: 1, pace };
    await incidents.declare(declaration, [{ incident, part: 0, versions }]);
    return incident;
  }
}

/** A later epoch may have come meanwhile. */
function unlessConflict(thrown: unknown): void {
  if (codeOf(thrown) !== 'CONFLICT') throw thrown;
}
