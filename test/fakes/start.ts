/** Starts fakes (and the validating proxy) as processes of their own and stops them again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Faults } from './faults.ts';

export interface RunningFake<Settings> {
  readonly url: string;
  readonly adminKey: string;
  readonly pid: number;
  /** Every value it minted up to now, by the inherited pipe: what a search for leaks looks for. */
  readonly values: readonly string[];
  faults(change: Partial<Faults>): Promise<void>;
  settings(change: Partial<Settings>): Promise<void>;
  /** No faults, first settings, held answers let go; keys stay. */
  reset(): Promise<void>;
  activity(): Promise<FakeActivity>;
  /** Verbs of the vendor's own, e.g. `control('GET', '/keys')`. */
  control(method: string, path: string, body?: unknown): Promise<unknown>;
  stop(): Promise<void>;
}

export interface FakeActivity {
  readonly inProgress: Readonly<Record<string, number>>;
  readonly held: readonly string[];
  readonly requests: readonly {
    readonly method: string;
    readonly path: string;
    readonly operation: string;
    readonly status: number | 'dropped';
  }[];
}

/** What each fake accepts as its caller's credential, made anew for every run. */
const credentials = {
  openai: () => `sk-admin-${randomBytes(36).toString('base64url')}`,
  /** Access key id and secret of the account's owner. */
  'aws-secrets-manager': () => `AKIA${randomBytes(8).toString('hex').toUpperCase()}:${randomBytes(20).toString('hex')}`,
  anthropic: () => `sk-ant-admin01-${randomBytes(36).toString('base64url')}`,
  aws: () => randomBytes(30).toString('base64'),
  /** The secret of the application `owner`, which may do everything in the vault. */
  'azure-key-vault': () => randomBytes(20).toString('base64url'),
  openrouter: () => `sk-or-v1-${randomBytes(32).toString('hex')}`,
  pinecone: () => randomBytes(32).toString('base64url'),
  'qdrant-cloud': () => randomBytes(32).toString('base64url'),
  supabase: () => `sbp_${randomBytes(20).toString('hex')}`,
  'bearer-vendors': () => letters(40),
  'declared-vendors': () => `sk_${randomBytes(24).toString('hex')}`,
  'value-revokers': () => 'unused',
  'azure-openai': () => randomBytes(30).toString('base64url'),
  'google-secret-manager': () => `ya29.${randomBytes(40).toString('base64url')}`,
  kubernetes: () => `eyJ-kubernetes-${randomBytes(30).toString('base64url')}`,
  github: () => `ghs_${randomBytes(27).toString('hex').slice(0, 36)}`,
  'pager-duty': () => randomBytes(16).toString('hex'),
  slack: () => `xoxb-${randomBytes(24).toString('hex')}`,
  'webhook-receiver': () => `whsec_${randomBytes(32).toString('base64')}`,
};

/** Letters and digits alone, as some vendors' keys have. */
const letters = (many: number): string =>
  randomBytes(2 * many)
    .toString('base64')
    .replace(/[^A-Za-z0-9]/g, '')
    .slice(0, many);

export async function startFake<Settings>(
  vendor: keyof typeof credentials,
  ports: { port?: number; controlPort?: number } = {},
) {
  const adminKey = credentials[vendor]();
  const entry = fileURLToPath(new URL(`./${vendor}/main.ts`, import.meta.url));
  const child = spawn(
    process.execPath,
    [entry, '--with-parent', '--port', String(ports.port ?? 0), '--control-port', String(ports.controlPort ?? 0)],
    {
      stdio: ['pipe', 'pipe', 'inherit', 'pipe'],
      env: { ...process.env, KEYBATON_FAKE_ADMIN_KEY: adminKey, KEYBATON_FAKE_TAP: '1' },
    },
  );
  const values: string[] = [];
  // The fourth descriptor was asked for as a pipe above.
  createInterface(child.stdio[3] as Readable).on('line', (line) => values.push(JSON.parse(line).value));
  const ready = await readyLine(child);

  const control = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(`${ready.control}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} on the control port answered ${answer.status}: ${text}`);
    return JSON.parse(text);
  };
  const fake: RunningFake<Settings> = {
    url: ready.url,
    adminKey,
    pid: child.pid ?? -1,
    values,
    faults: async (change) => void (await control('PATCH', '/faults', change)),
    settings: async (change) => void (await control('PATCH', '/settings', change)),
    reset: async () => void (await control('POST', '/reset')),
    // The control port is ours: its answers have the shape written beside it.
    activity: async () => (await control('GET', '/activity')) as FakeActivity,
    control,
    stop: () => stopChild(child),
  };
  return fake;
}

async function readyLine(child: ChildProcess): Promise<{ url: string; control: string }> {
  if (!child.stdout) throw new Error('the fake was started without a stdout pipe');
  const lines = createInterface(child.stdout);
  const [line] = await Promise.race([
    once(lines, 'line'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`the fake ended with ${code} before it was ready`))),
  ]);
  return JSON.parse(line);
}

/** Ends a process we started, and waits until it has ended. */
export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill();
  await ended;
}
