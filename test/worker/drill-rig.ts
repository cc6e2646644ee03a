import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { runCli } from '../../control/cli/main.ts';
import type { Entry } from '../../domain/entry.ts';
import { parseCredentialId, versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { inMemory } from '../../providers/in-memory.ts';
import { sharedWorld } from '../../providers/in-memory/shared-world.ts';
import { plantKey, standingKeys } from '../../providers/in-memory/world.ts';
import { backendRegistry } from '../../backends/registry.ts';
import { providers } from '../../providers/registry.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { openPorts } from '../../worker/composition.ts';
import { openIncidentPorts } from '../../worker/open-incident-ports.ts';
import { plainEntry } from '../support/entries.ts';

export const bot = parseCredentialId('in-memory/test/bot');

/** A home with a ledger, a vault, and one credential that has been current for a while at a provider in a folder. */
export async function drillRig(
  options: {
    readonly provider?: string;
    readonly settings?: object;
    /** False: nothing was ever current. */
    readonly imported?: boolean;
    readonly entry?: Partial<Entry>;
    readonly environment?: Readonly<Record<string, string>>;
  } = {},
) {
  const folder = temporaryFolder('drill');
  const [home, far] = [join(folder.path, 'home'), join(folder.path, 'far')];
  mkdirSync(home);
  const world = sharedWorld(far);
  const environment = {
    KEYBATON_HOME: home,
    KEYBATON_INSTALLATION_KEY: randomBytes(32).toString('base64'),
    ADMIN: randomBytes(32).toString('base64url'),
    // Nobody listens on the first port.
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    ...options.environment,
  };
  /** Every value that was minted in this process. */
  const minted: string[] = [];
  const tapped = (): ReturnType<typeof inMemory> => {
    const adapter = inMemory();
    return {
      ...adapter,
      async issue(target, request, call) {
        const issued = await adapter.issue?.(target, request, call);
        if (issued === undefined) throw new Error('it can issue');
        minted.push(issued.material.revealValue());
        return issued;
      },
    };
  };
  const open = () =>
    openPorts(environment, {
      adapters: { providers: { ...providers, 'in-memory': tapped }, backends: backendRegistry },
    });

  const ports = await open();
  await apply();
  if (options.imported !== false) await importCurrent();
  return {
    home,
    far,
    world,
    environment,
    minted,
    ledger: ports.ledger,
    open,
    /** The target says `drills: scheduled`. */
    schedule: () => apply({ drills: 'scheduled' }),
    facts: () => ports.ledger.facts(bot),
    standing: () => standingKeys(world, Date.now()).map(({ id }) => id),
    async type(
      line: readonly string[],
      onNote: (text: string) => void = () => undefined,
      signal: AbortSignal = AbortSignal.timeout(100_000),
    ) {
      const [stdout, stderr] = [new PassThrough(), new PassThrough()];
      stderr.on('data', (text: Buffer) => onNote(text.toString()));
      const [out, err] = [stdout.setEncoding('utf8').toArray(), stderr.setEncoding('utf8').toArray()];
      const exit = await runCli(line, {
        openPorts: open,
        openIncidentPorts: () => openIncidentPorts(environment),
        processes: { worker: async () => 1, api: async () => 1, up: async () => 1 },
        stdin: Readable.from([]),
        stdout,
        stderr,
        user: 'ada',
        signal,
      });
      stdout.end();
      stderr.end();
      return { exit, stdout: (await out).join(''), stderr: (await err).join('') };
    },
    async close() {
      await ports.close();
      world.close();
      folder.remove();
    },
  };

  async function apply(more: object = {}): Promise<void> {
    await ports.ledger.applyInventory({
      teams: ['memory'],
      entries: [
        { ...plainEntry(bot, 'memory', [{ backend: 'vault', path: 'ai/bot', fields: undefined }]), ...options.entry },
      ],
      targets: {
        targets: {
          memory: {
            provider: options.provider ?? 'in-memory',
            environment: 'test',
            settings: {
              ...(options.provider?.startsWith('in-memory') === false ? {} : { folder: far }),
              ...options.settings,
            },
            admin: 'env:ADMIN',
            teams: ['memory'],
            paths: ['ai'],
            probes: {},
            ...more,
          },
        },
        backends: { vault: { kind: 'embedded', settings: { file: join(home, 'vault.sqlite') }, path: 'ai' } },
      },
      actor: 'test',
    });
  }

  /** As a person does it: its value is stored too, and can be the control of a refusal check. */
  async function importCurrent(): Promise<void> {
    if (options.provider !== undefined) return recordCurrent();
    plantKey(world, { id: 'current', value: 'current-value', at: Date.now() });
    await ports.supplies.import({
      credential: bot,
      material: new SecretMaterial({ api_key: 'current-value' }, 'api_key'),
      refId: 'current',
      cannotRevoke: false,
      actor: 'test',
    });
  }

  /** In the ledger alone: the provider has no such key. */
  async function recordCurrent(): Promise<void> {
    await ports.ledger.importVersion({
      credential: bot,
      version: versionIdFrom(randomBytes(64)),
      target: 'memory',
      ref: { id: 'current' },
      fingerprint: 'kb1:test:current',
      copies: [],
      proofKey: new Uint8Array(32),
      who: 'test',
      current: true,
    });
  }
}

export type DrillRig = Awaited<ReturnType<typeof drillRig>>;
