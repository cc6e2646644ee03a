import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import { checkOwnMode } from '../access/json-lines.ts';
import { stat } from 'node:fs/promises';

/** One sign-in at one API. */
export interface Session {
  readonly url: string;
  /** A secret: it leaves this file for the `Authorization` header alone. */
  readonly token: string;
}

export interface Sessions {
  /** Where commands go: undefined, this machine itself. INVALID_CONFIG for a profile that is not there. */
  chosen(): Promise<{ readonly url: string; readonly token: string | undefined } | undefined>;
  keep(profile: string, session: Session): Promise<void>;
  /** Answers what was kept, if there was one. */
  forget(profile: string): Promise<Session | undefined>;
  list(): Promise<readonly { readonly profile: string; readonly url: string }[]>;
}

const file = z.object({ profiles: z.record(z.string(), z.object({ url: z.string(), token: z.string() })) });
type Variable = (name: string) => string | undefined;

/**
 * KEYBATON_URL says which API, KEYBATON_PROFILE which kept sign-in; KEYBATON_ACCESS_TOKEN is a token for programs. Without
 * the first two everything stays on this machine. Sign-ins lie in the folder for settings of this system, mode 0600.
 */
export function openSessions(variable: Variable): Sessions {
  const path = join(configFolder(variable), 'sessions.json');

  async function read(): Promise<Readonly<Record<string, Session>>> {
    try {
      checkOwnMode(path, (await stat(path)).mode);
      return file.parse(JSON.parse(await readFile(path, 'utf8'))).profiles;
    } catch (thrown) {
      if (thrown instanceof KeybatonError) throw thrown;
      if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return {};
      throw new KeybatonError('INVALID_CONFIG', `${path} cannot be read: remove it and sign in again`);
    }
  }

  async function write(profiles: Readonly<Record<string, Session>>): Promise<void> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const draft = `${path}.${process.pid}.new`;
    await rm(draft, { force: true });
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify({ profiles }, undefined, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, path);
  }

  return {
    async chosen() {
      const [url, profile, token] = ['KEYBATON_URL', 'KEYBATON_PROFILE', 'KEYBATON_ACCESS_TOKEN'].map(
        (name) => variable(name)?.trim() || undefined,
      );
      if (url === undefined && profile === undefined) return undefined;
      const all = await read();
      const named = profile !== undefined && Object.hasOwn(all, profile) ? all[profile] : undefined;
      if (profile !== undefined && named === undefined)
        throw new KeybatonError(
          'INVALID_CONFIG',
          'there is no sign-in under the name in KEYBATON_PROFILE: keybaton login',
        );
      if (named !== undefined && url !== undefined && addressOf(url) !== named.url)
        throw new KeybatonError(
          'INVALID_CONFIG',
          'KEYBATON_URL and KEYBATON_PROFILE name different addresses: unset one',
        );
      const address = named?.url ?? addressOf(url ?? '');
      return {
        url: address,
        token: token ?? named?.token ?? Object.values(all).find((one) => one.url === address)?.token,
      };
    },
    async keep(profile, session) {
      await write({ ...(await read()), [profile]: session });
    },
    async forget(profile) {
      const { [profile]: gone, ...rest } = await read();
      if (gone !== undefined) await write(rest);
      return gone;
    },
    list: async () => Object.entries(await read()).map(([profile, { url }]) => ({ profile, url })),
  };
}

/** Without the slash at the end, so that one address is one text. INVALID_CONFIG for anything with more than host and path. */
export function addressOf(text: string): string {
  if (!URL.canParse(text)) throw new KeybatonError('INVALID_CONFIG', 'the address of the API must be https://host');
  const url = new URL(text);
  const plain = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (!plain || !['https:', 'http:'].includes(url.protocol))
    throw new KeybatonError(
      'INVALID_CONFIG',
      'the address of the API must be https://host, without user, query or fragment',
    );
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

function configFolder(variable: Variable): string {
  const set = variable('XDG_CONFIG_HOME') || undefined;
  if (set !== undefined) return join(set, 'keybaton');
  if (process.platform === 'win32') return join(variable('APPDATA') ?? homedir(), 'keybaton');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'keybaton');
  return join(homedir(), '.config', 'keybaton');
}
