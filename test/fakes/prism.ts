import { spawn } from 'node:child_process';
import { connect, createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stopChild } from './start.ts';

export type Spec =
  | 'openai-admin-keys.yaml'
  | 'openrouter-keys.yaml'
  | 'pinecone-admin-2026-04.yaml'
  | 'qdrant-cloud-dbkeys.swagger.json'
  | 'supabase-keys.json';

/**
 * The official description between adapter and fake: a wrong request is answered 422, a wrong answer of the fake 500.
 * `stop` ends it. The proxy logs to nowhere: its log would be one more place to search for values.
 */
export async function startPrism(spec: Spec, upstream: string): Promise<{ url: string; stop(): Promise<void> }> {
  const port = await freePort();
  const prism = fileURLToPath(new URL('./prism-main.ts', import.meta.url));
  const file = fileURLToPath(new URL(`./specs/${spec}`, import.meta.url));
  const child = spawn(
    process.execPath,
    [prism, 'proxy', file, upstream, '--errors', '-h', '127.0.0.1', '-p', String(port)],
    {
      stdio: ['pipe', 'ignore', 'ignore'],
    },
  );
  const until = Date.now() + 45_000;
  while (!(await isOpen(port))) {
    if (child.exitCode !== null || Date.now() > until) {
      await stopChild(child);
      throw new Error(`the validating proxy did not open port ${port}`);
    }
    await sleep(50);
  }
  return { url: `http://127.0.0.1:${port}`, stop: () => stopChild(child) };
}

const isOpen = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    }).on('error', () => resolve(false));
  });

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A listening TCP server always has an AddressInfo.
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
