import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../servers/free-port.ts';
import { poll } from '../servers/poll.ts';
import { startProgram } from '../servers/program.ts';
import type { Program } from '../servers/program.ts';
import { temporaryFolder } from '../servers/temporary-folder.ts';
import { toolPath } from '../servers/tools.ts';

/** OpenBao that keeps what it has through a SIGKILL. */
export interface Vault {
  readonly port: number;
  readonly token: string;
  /** The program of this moment; `restart` begins another. */
  pid(): number;
  /** What it tells Prometheus. */
  metrics(): Promise<string>;
  /** What stands at a path now, as a consumer reads it; undefined: nothing, or it does not answer. */
  read(path: string): Promise<Readonly<Record<string, unknown>> | undefined>;
  kill(): Promise<unknown>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startVault(logFile: string): Promise<Vault> {
  const folder = temporaryFolder('vault');
  const [port, cluster] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  mkdirSync(join(folder.path, 'data'));
  writeFileSync(
    join(folder.path, 'server.hcl'),
    `storage "raft" {
  path = ${JSON.stringify(join(folder.path, 'data'))}
  node_id = "one"
  performance_multiplier = 1
}
listener "tcp" {
  address = "127.0.0.1:${port}"
  cluster_address = "127.0.0.1:${cluster}"
  tls_disable = true
}
api_addr = "${url}"
cluster_addr = "http://127.0.0.1:${cluster}"
telemetry { prometheus_retention_time = "1h" }
`,
  );
  let unseal = '';
  let token = '';
  let program: Program = await start();

  async function ask(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${url}/v1/${path}`, {
      method,
      headers: { 'x-vault-token': token },
      signal: AbortSignal.timeout(5_000),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} at the vault answered ${answer.status}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  function start(): Promise<Program> {
    return startProgram({
      title: 'OpenBao',
      command: toolPath('openbao'),
      args: ['server', `-config=${join(folder.path, 'server.hcl')}`],
      env: { HOME: folder.path },
      logFile,
    });
  }
  const status = async (): Promise<number> => {
    try {
      return (await fetch(`${url}/v1/sys/health`, { signal: AbortSignal.timeout(2_000) })).status;
    } catch {
      return 0; // the port is not open yet
    }
  };
  const reaches = (what: string, wanted: number): Promise<unknown> =>
    poll(async () => (await status()) === wanted, { what: `the vault is ${what}`, within: 60_000, every: 50 });

  await reaches('there', 501);
  const first = (await ask('PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 })) as {
    readonly keys: readonly string[];
    readonly root_token: string;
  };
  [unseal, token] = [first.keys[0] ?? '', first.root_token];
  await ask('PUT', 'sys/unseal', { key: unseal });
  await reaches('unsealed', 200);
  await ask('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } });

  return {
    port,
    token,
    pid: () => program.pid,
    async metrics() {
      const answer = await fetch(`${url}/v1/sys/metrics?format=prometheus`, { headers: { 'x-vault-token': token } });
      if (!answer.ok) throw new Error(`the vault answered ${answer.status} when it was asked for its metrics`);
      return answer.text();
    },
    async read(path) {
      try {
        // The shape that KV v2 answers in.
        const answer = (await ask('GET', `secret/data/${path}`)) as { data: { data: Record<string, unknown> } };
        return answer.data.data;
      } catch {
        return undefined;
      }
    },
    kill: () => program.kill(),
    async restart() {
      await program.stop();
      program = await start();
      await reaches('there, and sealed', 503);
      await ask('PUT', 'sys/unseal', { key: unseal });
      await reaches('unsealed', 200);
    },
    async stop() {
      await program.stop();
      folder.remove();
    },
  };
}
