import { randomBytes } from 'node:crypto';
import { startScript } from '../servers/child-process.ts';
import { poll } from '../servers/poll.ts';
import type { Values } from './values.ts';

/** The stand-in for OpenAI: a process of its own that keeps accounts and keys as the vendor describes them. */
export interface ModelProvider {
  readonly url: string;
  readonly adminKey: string;
  readonly pid: number;
  /** Holds back the answer to the next create; resolves once the key exists. */
  holdNextCreate(): Promise<void>;
  /** Lets go of what is held; nobody waits for it any more. */
  letGo(): Promise<void>;
  /** Somebody makes a key by hand, past keybaton. */
  makeByHand(name: string): Promise<void>;
  /** Keys that work now, with the name they were given. */
  liveKeys(): Promise<readonly { readonly id: string; readonly name: string }[]>;
  stop(): Promise<unknown>;
}

export async function startModelProvider(values: Values, logFile: string): Promise<ModelProvider> {
  const adminKey = `sk-admin-${randomBytes(36).toString('base64url')}`;
  const program = await startScript({
    file: new URL('../../test/fakes/openai/main.ts', import.meta.url),
    args: ['--with-parent'],
    env: { KEYBATON_FAKE_ADMIN_KEY: adminKey, KEYBATON_FAKE_TAP: '1' },
    pipes: 1,
    logFile,
  });
  values.listen('minted by OpenAI', program.pipes[0]);
  const [line] = await program.printed(/^\{"ready":true.*\}$/m);
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
    pid: program.pid,
    async holdNextCreate() {
      await ask('PATCH', '/faults', { hold: ['create'] });
      await poll(
        async () => {
          // The control port is the fake's own: its answers have the shape written there.
          const { held } = (await ask('GET', '/activity')) as { readonly held: readonly string[] };
          return held.includes('create');
        },
        { what: 'a create call at the stand-in for OpenAI', within: 90_000 },
      );
    },
    letGo: async () => void (await ask('PATCH', '/faults', { hold: [] })),
    async makeByHand(name) {
      const answer = await fetch(`${url}/organization/projects/proj_demo/service_accounts`, {
        method: 'POST',
        headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ name }),
      });
      if (!answer.ok) throw new Error(`the stand-in for OpenAI answered ${answer.status} to a create by hand`);
      await answer.arrayBuffer();
    },
    async liveKeys() {
      const keys = (await ask('GET', '/keys')) as readonly { id: string; name: string; live: boolean }[];
      return keys.filter(({ live }) => live).map(({ id, name }) => ({ id, name }));
    },
    stop: () => program.stop(),
  };
}
