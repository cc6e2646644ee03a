import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { randomBytes } from 'node:crypto';
import { type VersionId, versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import type { Call, Target } from '../../providers/provider.ts';

export const installation = 'inst01';

export const freshVersion = (): VersionId => versionIdFrom(new Uint8Array(randomBytes(64)));

export function targetOf<Settings>(settings: Settings, adminKey: string): Target<Settings> {
  return {
    name: 'target-under-test',
    environment: 'test',
    installation,
    settings,
    admin: async () => new SecretMaterial({ api_key: adminKey }, 'api_key'),
  };
}

export const callNow = (changes: Partial<Call> = {}): Call => ({
  signal: new AbortController().signal,
  deadline: Date.now() + 15_000,
  now: () => Date.now(),
  random: (bytes) => new Uint8Array(randomBytes(bytes)),
  ...changes,
});

/** Takes every connection and says nothing. */
export async function silentServer(): Promise<{ url: string; stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    // A listening TCP server always has an AddressInfo.
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Gives every request the same answer: something between us and the vendor. */
export async function answeringServer(status: number, body: string): Promise<{ url: string; stop(): Promise<void> }> {
  const server = createHttpServer((request, response) => {
    request.resume().on('end', () => response.writeHead(status).end(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    // A listening TCP server always has an AddressInfo.
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
