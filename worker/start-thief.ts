import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Thief } from '../control/drill-ports.ts';
import type { ThiefUse } from '../domain/drill.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';
import { handOver, readUse, type ThiefOrder } from './drill-handover.ts';

/** A checkout runs the TypeScript beside this file, the package what was compiled from it. */
const program = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './drill-thief.ts' : './drill-thief.js', import.meta.url),
);

/** How the way to a provider is found from here; nothing else of our environment goes to the thief. */
const inherited = [
  ...['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'NO_PROXY', 'no_proxy'],
  ...['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR'],
];

/** Longest time for an orderly end, milliseconds. */
const patience = 2_000;

export function startThief(
  about: Omit<ThiefOrder, 'material'>,
  material: SecretMaterial,
  environment: Readonly<Record<string, string | undefined>>,
): Thief {
  const child = spawn(process.execPath, [program], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: Object.fromEntries(inherited.map((name) => [name, environment[name]])),
  });
  const uses: ThiefUse[] = [];
  let asked = false;
  let over = false;
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      over = true;
      resolve();
    };
    child.once('close', end);
    child.once('error', end);
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const use = readUse(line);
    if (use !== undefined) uses.push(use);
  });
  // One that is gone already takes nothing: that it is lost is told by its end.
  child.stdin.on('error', () => undefined);
  handOver(child.stdin, about, material);
  return {
    uses: () => [...uses],
    lost: () => over && !asked,
    async stop() {
      asked = true;
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), patience);
      await ended;
      clearTimeout(timer);
    },
  };
}
