import { join } from 'node:path';
import type { World } from '../crash-matrix/world.ts';
import { commandLine } from '../demo/command-line.ts';
import type { Place } from '../demo/search-places.ts';
import type { Values } from '../demo/values.ts';
import { freePort, portIsOpen } from '../servers/free-port.ts';

/** What the API answers an admin who asks for everything, and what it tells Prometheus. Its own token is a value as well. */
export async function apiPlaces(world: World, made: Values): Promise<readonly Place[]> {
  const log = join(world.folder, 'logs', 'api.log');
  const keybaton = commandLine(world.environment(), world.folder, log);
  // The shape of what the command prints.
  const { token } = (await keybaton.run('access', 'new')) as { readonly token: string };
  made.add({ what: 'token of an admin', value: token });
  const port = await freePort();
  const api = await keybaton.start(['api', '--listen', `127.0.0.1:${port}`], log);
  try {
    await api.ready(() => portIsOpen(port));
    const ask = async (path: string): Promise<Buffer> => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${token}` } });
      const bytes = Buffer.from(await answer.arrayBuffer());
      if (!answer.ok) throw new Error(`GET ${path} at the API answered ${answer.status}: ${bytes.toString()}`);
      return bytes;
    };
    const answers: Buffer[] = [];
    for (const path of [
      'credentials',
      'status',
      'history',
      'inventory',
      'incidents',
      'kill-sheet',
      'unmanaged',
      'audit',
    ])
      answers.push(await ask(`/v1/${path}`));
    for (const { id } of world.subjects)
      for (const path of ['', '/by-hand', '/status']) answers.push(await ask(`/v1/credentials/${id}${path}`));
    return [
      { name: 'what the API answers', bytes: answers },
      { name: 'metrics of keybaton', bytes: [await ask('/metrics')] },
    ];
  } finally {
    await api.stop();
  }
}
