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

export async function startFake<Settings>(
  vendor: 'openai' | 'anthropic',
  ports: { port?: number; controlPort?: number } = {},
) {
  const adminKey = `${vendor === 'openai' ? 'sk-admin-' : 'sk-ant-admin01-'}${randomBytes(36).toString('base64url')}`;
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
