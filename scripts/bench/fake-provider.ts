import { randomBytes } from 'node:crypto';
import { startScript } from '../servers/child-process.ts';

/** What the provider's own books say of a key. */
export interface BookedKey {
  readonly name: string;
  readonly project: string;
  readonly deletedAt: number | null;
  /** It lets somebody in now. */
  readonly works: boolean;
}

/** The stand-in for OpenAI, a process of its own, and its operator's verbs. */
export interface FakeProvider {
  readonly url: string;
  readonly adminKey: string;
  keys(): Promise<readonly BookedKey[]>;
  faults(change: object): Promise<void>;
  settings(change: object): Promise<void>;
  stop(): Promise<unknown>;
}

export async function startFakeProvider(): Promise<FakeProvider> {
  const adminKey = `sk-admin-${randomBytes(36).toString('base64url')}`;
  const program = await startScript({
    file: new URL('../../test/fakes/openai/main.ts', import.meta.url),
    args: ['--with-parent'],
    env: { KEYBATON_FAKE_ADMIN_KEY: adminKey },
  });
  const [line] = await program.printed(/^\{"ready":true.*\}$/m);
  // The line is written by the stand-in's own main file.
  const { url, control } = JSON.parse(line) as { readonly url: string; readonly control: string };
  async function ask(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${control}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path} at the stand-in for OpenAI answered ${answer.status}`);
    return answer.json();
  }
  return {
    url,
    adminKey,
    // The control port is the stand-in's own: its answers have the shape written there.
    keys: async () => (await ask('GET', '/keys')) as readonly BookedKey[],
    faults: async (change) => void (await ask('PATCH', '/faults', change)),
    settings: async (change) => void (await ask('PATCH', '/settings', change)),
    stop: () => program.stop(),
  };
}
