import { randomBytes } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { parseCredentialId, type CredentialId } from '../../domain/identifiers.ts';
import type { Entry } from '../../domain/entry.ts';
import type { RotationResult } from '../../domain/rotation.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { openLedger } from '../../ledger/open.ts';
import { startScript } from '../../scripts/servers/child-process.ts';
import type { Program } from '../../scripts/servers/program.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { openEmbedded } from '../../backends/embedded.ts';
import { createReadMain } from '../../backends/embedded/read-main.ts';
import { installationKey } from '../../worker/installation-key.ts';
import { connectTemporal, rotations } from '../../worker/temporal.ts';
import { plainEntry, quick } from '../support/rotation-world.ts';
import type { Family } from './families.ts';

/** One worker process with its own namespace, ledger and vault: cells run one after another in it, lanes side by side. */
export interface Lane {
  readonly ledger: Ledger;
  /** Rotates once in peace, arms the point, rotates again, restarts what was killed, and judges at provider and backend. */
  cell(family: Family, point: string): Promise<CellResult>;
  close(): Promise<void>;
}

export interface CellResult {
  /** The point lies on this family's path at all. */
  readonly reached: boolean;
}

export async function openLane(
  server: { readonly address: string; readonly namespace: string },
  families: readonly Family[],
): Promise<Lane> {
  const folder = temporaryFolder('crash');
  const keyBytes = randomBytes(32);
  const environment: Record<string, string> = Object.assign({}, ...families.map((family) => family.environment), {
    KEYBATON_INSTALLATION_KEY: keyBytes.toString('base64'),
  });
  const ledger = await openLedger({ url: `sqlite:${join(folder.path, 'ledger.sqlite')}` });
  const temporal = await connectTemporal(server);
  const runs = rotations(async () => temporal, server.address);
  const targets: Record<string, unknown> = {};
  const vaultFile = join(folder.path, 'vault.sqlite');
  const readMain = createReadMain(
    openEmbedded({ file: vaultFile }, { key: (purpose) => installationKey(keyBytes).derive(purpose) }),
  );
  let worker: Program | undefined;
  let cells = 0;

  async function startWorker(): Promise<Program> {
    const started = await startScript({
      file: new URL('./worker-process.ts', import.meta.url),
      args: [folder.path, server.address, server.namespace],
      env: environment,
    });
    await started.printed(/ready/);
    return started;
  }

  const result = (id: CredentialId): Promise<RotationResult> =>
    temporal.client.workflow.getHandle(`rotation/${id}`).result() as Promise<RotationResult>;
  const start = (id: CredentialId): Promise<unknown> =>
    runs.start({ credential: id, reason: 'test', actor: 'test', rehearse: false, pace: quick });

  async function cell(family: Family, point: string): Promise<CellResult> {
    cells += 1;
    const name = `${family.name}-${cells}`;
    const id = parseCredentialId(`${family.name}/test/cell-${cells}`);
    const target = await family.target(name, folder.path);
    targets[name] = { environment: 'test', teams: [name], paths: ['ai'], probes: {}, ...target };
    const entry: Entry = {
      ...plainEntry(id, name, [{ backend: 'vault', path: `ai/${name}`, fields: undefined }]),
      target: name,
    };
    await ledger.applyInventory({
      teams: [name],
      entries: [entry],
      targets: { targets, backends: { vault: { kind: 'embedded', settings: { file: vaultFile }, path: 'ai' } } },
      actor: 'test',
    });
    worker ??= await startWorker();
    await start(id);
    await result(id);

    const armed = join(folder.path, 'kill-at');
    writeFileSync(`${armed}.new`, point);
    rmSync(join(folder.path, 'killed-at'), { force: true });
    writeFileSync(armed, point);
    await ledger.request({ kind: 'rotate', credential: id, who: 'test', why: 'test' });
    await start(id);
    await Promise.race([worker.ended, result(id)]);
    const reached = !worker.isRunning() || existsSync(join(folder.path, 'killed-at'));
    rmSync(armed, { force: true });
    if (reached) {
      await worker.ended;
      worker = await startWorker();
    }
    const ended = await result(id);
    expect(ended.outcome).toMatch(/rotated|nothing/);
    await judge(id, family, name);
    return { reached };
  }

  /** Verdicts come from the provider and the backend. */
  async function judge(id: CredentialId, family: Family, name: string): Promise<void> {
    const live = await family.live(name, folder.path);
    const shown = readMain(`ai/${name}`, 'current');
    const facts = await ledger.facts(id);
    expect(live, 'exactly the version consumers read lives at the provider').toEqual([shown.version]);
    expect(facts.epochs[0]?.version).toBe(shown.version);
    expect(facts.epochs).toHaveLength(2);
    expect(
      facts.versions.filter((version) => version.id !== shown.version).map((version) => version.fate),
    ).not.toContain('doomed');
    expect(facts.openRun).toBeUndefined();
  }

  return {
    ledger,
    cell,
    close: async () => {
      await worker?.stop();
      const before = await ledger.dump();
      await ledger.rebuild();
      expect(await ledger.dump()).toEqual(before);
      expect((await ledger.verifyChain()).broken).toEqual([]);
      await ledger.close();
      await temporal.close();
      folder.remove();
    },
  };
}
