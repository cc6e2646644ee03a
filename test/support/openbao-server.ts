import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onFreePort } from '../../scripts/servers/free-port.ts';
import { startProgram } from '../../scripts/servers/program.ts';
import type { Program } from '../../scripts/servers/program.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { toolPath } from '../../scripts/servers/tools.ts';

export interface OpenBaoServer {
  readonly url: string;
  readonly rootToken: string;
  /** Two JSON lines per call: `request` and `response`. */
  readonly auditFile: string;
  readonly logFile: string;
  readonly process: Program;
  readonly stop: () => Promise<void>;
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/v1/sys/health`)).ok;
  } catch {
    return false; // the port is not open yet
  }
}

/** OpenBao, which speaks Vault's API: in memory, unsealed, KV v2 at `secret/`, with a file audit device. */
export async function startOpenBaoServer(): Promise<OpenBaoServer> {
  return onFreePort(startOn);
}

async function startOn(port: number): Promise<OpenBaoServer> {
  const bao = toolPath('openbao');
  const folder = temporaryFolder('openbao');
  const file = (name: string) => join(folder.path, name);
  const auditFile = file('audit.log');
  const logFile = file('bao.log');
  writeFileSync(
    file('audit.hcl'),
    `audit "file" "main" {\n  options { file_path = ${JSON.stringify(auditFile)} }\n}\n`,
  );

  // The dev server takes the port after its own as well, for the cluster.
  const url = `http://127.0.0.1:${port}`;
  const rootToken = 'root';
  const server = await startProgram({
    title: 'OpenBao',
    command: bao,
    args: [
      'server',
      '-dev',
      `-dev-root-token-id=${rootToken}`,
      '-dev-no-store-token',
      `-dev-listen-address=127.0.0.1:${port}`,
      `-config=${file('audit.hcl')}`,
    ],
    env: { HOME: folder.path },
    logFile,
  });

  async function stop(): Promise<void> {
    await server.stop();
    folder.remove();
  }

  try {
    await server.ready(() => isHealthy(url));
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, rootToken, auditFile, logFile, process: server, stop };
}
