import { PassThrough, Readable } from 'node:stream';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backendRegistry } from '../../backends/registry.ts';
import { openConsumerTokens } from '../../control/access/consumer-tokens.ts';
import type { CliEnvironment, CliPorts, ProcessOptions } from '../../control/cli/environment.ts';
import { runCli } from '../../control/cli/main.ts';
import type { Finding } from '../../control/ports.ts';
import { KeybatonError } from '../../domain/errors.ts';
import { versionIdFrom } from '../../domain/identifiers.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import type { Outcome, RotationInput } from '../../domain/rotation.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import type { Adapters } from '../../inventory/adapters.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { openLedger } from '../../ledger/open.ts';
import { providers } from '../../providers/registry.ts';
import { inventoryAdapters } from '../../worker/inventory-adapters.ts';
import type { RotationStatus } from '../../workflows/messages.ts';
import { openIncidentBench } from './incident-bench.ts';
import type { IncidentBench } from './incident-bench.ts';

/** What the command line gets for adapters, from the registries that ship. */
export const shippedAdapters: Adapters = inventoryAdapters({ providers, backends: backendRegistry });

export const oneTarget = `
targets:
  memory:
    provider: in-memory
    environment: prod
    admin: env:ADMIN
    teams: [search]
backends:
  vault:
    kind: in-memory
`;

export const oneEntry = `
teams: [search]
credentials:
  in-memory/prod/bot:
    target: memory
    team: search
    consumers:
      - name: web
`;

/** Stands where Temporal stands: remembers what it was told, and lets a test play the rotation against the real ledger. */
export interface FakeRotations {
  readonly started: RotationInput[];
  readonly woken: CredentialId[];
  /** Undefined: nobody runs. */
  running: RotationStatus | undefined;
  /** Set: every call fails with this. */
  down: KeybatonError | undefined;
  /** Called at each start that is not answered `running`. */
  onStart: (input: RotationInput) => Promise<void>;
}

export interface Bench {
  readonly folder: string;
  readonly ledger: Ledger;
  readonly ports: CliPorts;
  readonly rotations: FakeRotations;
  /** What an emergency meets. */
  readonly incidents: IncidentBench;
  /** What `plan`, `doctor` and `demands` answer. */
  readonly findings: { plan: Finding[]; doctor: Finding[]; demands: Finding[] };
  readonly supplied: { readonly credential: CredentialId; readonly fields: Readonly<Record<string, string>> }[];
  readonly processes: { readonly name: string; readonly options: ProcessOptions }[];
  /** One command line; standard input is empty unless given. */
  run(line: readonly string[], options?: RunOptions): Promise<Ran>;
  json(line: readonly string[]): Promise<unknown>;
  /** Writes both files and applies them. */
  apply(inventory?: string, targets?: string): Promise<Ran>;
  write(name: string, text: string): Promise<string>;
  /** Plays a whole issue and promotion of a new version through the ledger. */
  promote(credential: CredentialId, run?: string, how?: Promoted): Promise<VersionId>;
  end(credential: CredentialId, run: string, outcome: Outcome, why?: string): Promise<void>;
  close(): Promise<void>;
}

/** What a test may say of a version it promotes. */
export interface Promoted {
  readonly fingerprint?: string;
  /** Epoch milliseconds. */
  readonly expiresAt?: number;
}

export interface RunOptions {
  /** A terminal at which somebody types, instead of text on standard input. */
  readonly keyboard?: CliEnvironment['stdin'];
  readonly stdin?: string;
  readonly signal?: AbortSignal;
  readonly openPorts?: CliEnvironment['openPorts'];
  readonly openAccess?: CliEnvironment['openAccess'];
  /** The environment's variables; none unless given. */
  readonly variables?: Readonly<Record<string, string>>;
}

export interface Ran {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

let made = 0;
/** A version id of its own for each call. */
export function newVersion(): VersionId {
  made += 1;
  return versionIdFrom(Uint8Array.from({ length: 64 }, (_, index) => (made * 7 + index * (made % 35)) % 252));
}

export async function openBench(): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'keybaton-bench-'));
  const ledger = await openLedger({ url: `sqlite:${join(folder, 'ledger.sqlite')}` });
  const rotations: FakeRotations = {
    started: [],
    woken: [],
    running: undefined,
    down: undefined,
    onStart: () => Promise.resolve(),
  };
  const findings: Bench['findings'] = { plan: [], doctor: [], demands: [] };
  const supplied: { credential: CredentialId; fields: Readonly<Record<string, string>> }[] = [];
  const processes: { name: string; options: ProcessOptions }[] = [];
  const up = (): void => {
    if (rotations.down !== undefined) throw rotations.down;
  };
  const take = async (credential: CredentialId, material: SecretMaterial): Promise<{ version: VersionId }> => {
    supplied.push({ credential, fields: material.reveal() });
    return { version: newVersion() };
  };
  const ports: CliPorts = {
    ledger,
    adapters: shippedAdapters,
    tokens: openConsumerTokens(join(folder, 'tokens.jsonl')),
    rotations: {
      async start(input) {
        up();
        if (rotations.running !== undefined) return 'running';
        rotations.started.push(input);
        await rotations.onStart(input);
        return 'started';
      },
      async wake(credential) {
        up();
        rotations.woken.push(credential);
      },
      async escalate() {
        up();
      },
      async status() {
        up();
        return rotations.running;
      },
      async ping() {
        up();
        return 1;
      },
    },
    checks: {
      plan: async () => ({ steps: ['make a version', 'wait for web'], findings: findings.plan }),
      doctor: async () => findings.doctor,
      doctorHere: async () => [{ subject: 'host', verdict: 'ok', text: 'said by the API on a bench' }],
      demands: async () => findings.demands,
    },
    vault: undefined,
    proofKeys: { read: () => Promise.reject(new KeybatonError('NOT_FOUND', 'no proof key here')) },
    supplies: { supply: take, import: ({ credential, material }) => take(credential, material) },
    now: () => Date.now(),
    random: (bytes) => new Uint8Array(bytes).fill(7),
    close: async () => undefined,
  };

  const incidents = openIncidentBench(() => ledger, shippedAdapters);

  const start = (name: string) => async (options: ProcessOptions) => {
    processes.push({ name, options });
    options.ready({ temporal: '127.0.0.1:7233' });
    return 0;
  };

  async function run(line: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const [out, err] = [stdout.setEncoding('utf8').toArray(), stderr.setEncoding('utf8').toArray()];
    const exit = await runCli(line, {
      openPorts: options.openPorts ?? (() => Promise.resolve(ports)),
      openIncidentPorts: () => Promise.resolve(incidents.ports),
      ...(options.openAccess === undefined ? {} : { openAccess: options.openAccess }),
      processes: { worker: start('worker'), api: start('api'), up: start('up') },
      stdin: options.keyboard ?? Readable.from([Buffer.from(options.stdin ?? '')]),
      stdout,
      stderr,
      user: 'ada',
      variable: (name) => options.variables?.[name],
      version: '1.2.3',
      signal: options.signal ?? new AbortController().signal,
    });
    stdout.end();
    stderr.end();
    return { exit, stdout: (await out).join(''), stderr: (await err).join('') };
  }

  async function write(name: string, text: string): Promise<string> {
    const file = join(folder, name);
    await writeFile(file, text);
    return file;
  }

  return {
    folder,
    ledger,
    ports,
    rotations,
    incidents,
    findings,
    supplied,
    processes,
    run,
    write,
    async json(line) {
      const { exit, stdout, stderr } = await run([...line, '--json']);
      if (exit !== 0) throw new Error(`exit ${exit}: ${stderr}`);
      return JSON.parse(stdout) as unknown;
    },
    async apply(inventory = oneEntry, targets = oneTarget) {
      const [inventoryFile, targetsFile] = [
        await write('inventory.yml', inventory),
        await write('targets.yml', targets),
      ];
      return run(['apply', inventoryFile, '--targets', targetsFile]);
    },
    async promote(credential, name = `run-${made}`, how = {}) {
      const facts = await ledger.facts(credential);
      const version = newVersion();
      const copies = facts.entry.backends.map(({ backend, path }) => ({ backend, path }));
      await ledger.startRun({ credential, run: name, reason: 'test', actor: 'os:ada' });
      await ledger.planVersion({
        credential,
        version,
        target: facts.entry.target,
        as: 'pending',
        baseline: { place: 'here', live: [], at: facts.now },
      });
      await ledger.intend({ version, effect: 'issue', place: 'here', within: 1_000 });
      await ledger.issued({
        version,
        ref: { id: `key-${version.slice(-6)}` },
        fingerprint: how.fingerprint ?? `kb1:p:${version}`,
        ...(how.expiresAt !== undefined && { expiresAt: how.expiresAt }),
        copies,
        proofKey: new Uint8Array(32),
      });
      const { epoch } = await ledger.decide({
        credential,
        version,
        expectedEpoch: facts.epochs[0]?.epoch ?? 0,
        why: 'due',
        run: name,
      });
      for (const copy of copies) await ledger.promoted({ version, epoch, ...copy });
      return version;
    },
    async end(credential, name, outcome, why) {
      await ledger.endRun({ credential, run: name, outcome, ...(why === undefined ? {} : { why }) });
    },
    async close() {
      await ledger.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
