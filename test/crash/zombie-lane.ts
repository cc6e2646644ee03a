import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { openEmbedded } from '../../backends/embedded.ts';
import { createReadMain } from '../../backends/embedded/read-main.ts';
import type { Entry } from '../../domain/entry.ts';
import { parseCredentialId, type CredentialId, type VersionId } from '../../domain/identifiers.ts';
import type { RotationResult } from '../../domain/rotation.ts';
import { openLedger } from '../../ledger/open.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Powers } from '../../providers/in-memory/settings.ts';
import { startScript } from '../../scripts/servers/child-process.ts';
import type { Program } from '../../scripts/servers/program.ts';
import type { TemporalServer } from '../../scripts/servers/temporal-server.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { installationKey } from '../../worker/installation-key.ts';
import { connectTemporal, rotations } from '../../worker/temporal.ts';
import { plainEntry, quick } from '../support/rotation-world.ts';
import { persist } from '../support/persist.ts';
import { until } from '../support/until.ts';
import type { Family } from './families.ts';

export const slotPowers: Partial<Powers> = { keys: 'dual-slot', makes: 'generate', usage: undefined };

/** One call of one credential that a worker is frozen in. */
export interface ArmedCall {
  readonly name: string;
  readonly operation: 'issue' | 'revoke' | 'promote';
  /** Sent after the wake as if no time had passed: its deadline does not protect anything then. */
  readonly inTime: boolean;
}

/** A ledger, a vault and worker processes, of which the first can be frozen. */
export interface ZombieLane {
  readonly ledger: Ledger;
  readonly folder: string;
  credential(family: Family, name: string, mode: Entry['mode']): Promise<CredentialId>;
  /** Starts a rotation; `result` waits for its end. */
  rotate(id: CredentialId): Promise<void>;
  result(id: CredentialId): Promise<RotationResult>;
  /** Resolves when all these calls have arrived and the first worker stands still, cut off from Temporal. */
  freeze(calls: readonly ArmedCall[]): Promise<void>;
  startSecond(): Promise<void>;
  /** Lets the first worker go on, waits for what became of its calls, and lets it finish whatever it is at. */
  wakeFirst(): Promise<ReadonlyMap<string, string>>;
  /** What consumers read. */
  shown(name: string): { readonly version: VersionId; readonly epoch: number | undefined; readonly value: unknown };
  close(): Promise<void>;
}

export async function openZombieLane(server: TemporalServer, families: readonly Family[]): Promise<ZombieLane> {
  const folder = temporaryFolder('zombie');
  const keyBytes = randomBytes(32);
  const env: Record<string, string> = Object.assign({}, ...families.map((family) => family.environment), {
    KEYBATON_INSTALLATION_KEY: keyBytes.toString('base64'),
  });
  const ledger = await openLedger({ url: `sqlite:${join(folder.path, 'ledger.sqlite')}` });
  const temporal = await connectTemporal(server);
  const runs = rotations(async () => temporal, server.address);
  const vaultFile = join(folder.path, 'vault.sqlite');
  const readMain = createReadMain(
    openEmbedded({ file: vaultFile }, { key: (purpose) => installationKey(keyBytes).derive(purpose) }),
  );
  const targets: Record<string, unknown> = {};
  const line = await cuttableLine(server.port);
  const first = await startWorker(line.address, 'freezes');
  let second: Program | undefined;

  async function startWorker(address: string, freezes: 'freezes' | ''): Promise<Program> {
    const file = new URL('./zombie-process.ts', import.meta.url);
    const started = await startScript({ file, args: [folder.path, address, server.namespace, freezes], env });
    await started.printed(/ready/);
    return started;
  }

  return {
    ledger,
    folder: folder.path,
    async credential(family, name, mode) {
      const id = parseCredentialId(`zombie/test/${name}`);
      const target = await family.target(name, folder.path);
      targets[name] = { environment: 'test', teams: [name], paths: ['ai'], probes: {}, ...target };
      await ledger.applyInventory({
        teams: [name],
        entries: [{ ...plainEntry(id, name, [{ backend: 'vault', path: `ai/${name}`, fields: undefined }]), mode }],
        targets: { targets, backends: { vault: { kind: 'embedded', settings: { file: vaultFile }, path: 'ai' } } },
        actor: 'test',
      });
      return id;
    },
    async rotate(id) {
      if ((await ledger.facts(id)).epochs.length > 0)
        await ledger.request({ kind: 'rotate', credential: id, who: 'test', why: 'test' });
      await persist(() => runs.start({ credential: id, reason: 'test', actor: 'test', rehearse: false, pace: quick }));
    },
    result: (id) => temporal.client.workflow.getHandle(`rotation/${id}`).result() as Promise<RotationResult>,
    async freeze(calls) {
      writeFileSync(join(folder.path, 'armed.json'), JSON.stringify(calls));
      await until('the first worker stands still', () => existsSync(join(folder.path, 'frozen')), 60_000);
      line.cut();
    },
    async startSecond() {
      second = await startWorker(server.address, '');
    },
    async wakeFirst() {
      const armed = JSON.parse(readFileSync(join(folder.path, 'armed.json'), 'utf8')) as readonly ArmedCall[];
      const woke = join(folder.path, 'woke');
      first.signal('SIGCONT');
      const read = (): readonly string[] => (existsSync(woke) ? readFileSync(woke, 'utf8').trim().split('\n') : []);
      await until('all its calls have ended', () => read().length === armed.length, 60_000);
      await first.stop();
      return new Map(read().map((entry): [string, string] => [entry.split(' ')[0] ?? '', entry.split(' ')[1] ?? '']));
    },
    shown(name) {
      const { version, epoch, fields } = readMain(`ai/${name}`, 'current');
      return { version: version as VersionId, epoch, value: fields };
    },
    async close() {
      await Promise.all([first.kill(), second?.stop()]);
      line.close();
      await ledger.close();
      await temporal.close();
      folder.remove();
    },
  };
}

/** A way to Temporal that can be cut, as for a machine that stands still: what it polls for is given to others at once. */
async function cuttableLine(port: number): Promise<{ readonly address: string; cut(): void; close(): void }> {
  const sockets = new Set<Socket>();
  const listener = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
  const at = listener.address();
  if (at === null || typeof at === 'string') throw new Error('no port');
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  return {
    address: `127.0.0.1:${at.port}`,
    cut,
    close: () => {
      cut();
      listener.close();
    },
  };
}
