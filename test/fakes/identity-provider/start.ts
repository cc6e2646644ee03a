import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface IdentityProvider {
  readonly issuer: string;
  stop(): Promise<void>;
}

/** A real provider of its own process; `people` are claims by subject. */
export async function startIdentityProvider(
  people: Readonly<Record<string, object>>,
  back: string,
): Promise<IdentityProvider> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.mjs'), JSON.stringify(people), back], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, 'exit').then(() => {
    throw new Error(`the identity provider has ended: ${said.slice(0, 2_000)}`);
  });
  ended.catch(() => undefined);
  let issuer = '';
  while (!issuer.startsWith('http')) {
    const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string];
    issuer = line;
  }
  return {
    issuer,
    async stop() {
      const gone = once(child, 'exit');
      child.stdin.end();
      await gone;
    },
  };
}

export interface Arrived {
  readonly at: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface Browser {
  cookie(address: string, name: string): string | undefined;
  forget(): void;
  /** Follows redirects one by one, until there is none, or `stopAt` says so. */
  go(
    address: string,
    options?: { stopAt?: (address: string) => boolean; form?: Record<string, string> },
  ): Promise<Arrived>;
}

/** A browser without a screen, in front of which one person sits. */
export function openBrowser(loginAs: string): Browser {
  const cookies = new Map<string, Map<string, string>>();
  const jarOf = (address: string): Map<string, string> => {
    const { host } = new URL(address);
    const jar = cookies.get(host) ?? new Map<string, string>();
    cookies.set(host, jar);
    return jar;
  };
  return {
    cookie: (address, name) => jarOf(address).get(name),
    forget: () => cookies.clear(),
    async go(address, { stopAt, form } = {}) {
      let [at, sent] = [address, form];
      for (let hops = 0; hops < 20; hops += 1) {
        const jar = jarOf(at);
        const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
        const response = await fetch(at, {
          redirect: 'manual',
          method: sent === undefined ? 'GET' : 'POST',
          body: sent === undefined ? null : new URLSearchParams(sent),
          headers: { cookie, 'x-login-as': loginAs },
        });
        sent = undefined;
        for (const one of response.headers.getSetCookie()) {
          const [name = '', ...value] = (one.split(';')[0] ?? '').split('=');
          if (value.join('=') === '') jar.delete(name);
          else jar.set(name, value.join('='));
        }
        const to = response.headers.get('location');
        const { status, headers } = response;
        if (to === null) return { at, status, headers, text: await response.text() };
        at = new URL(to, at).href;
        if (stopAt?.(at) === true) return { at, status, headers, text: '' };
      }
      throw new Error('redirected for ever');
    },
  };
}
