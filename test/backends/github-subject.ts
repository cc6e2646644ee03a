import { randomBytes } from 'node:crypto';
import type { Backend, Place } from '../../backends/backend.ts';
import { githubActionsBackend } from '../../backends/github-actions.ts';
import { githubSettings } from '../../backends/github-actions/settings.ts';
import type { BackendSubject } from '../../conformance/backend-suite.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { freePort } from '../../scripts/servers/free-port.ts';
import type { GithubFakeSettings } from '../fakes/github/server.ts';
import type { RunningFake } from '../fakes/start.ts';
import { answerLosingProxy } from './answer-losing-proxy.ts';

export type GithubFake = RunningFake<GithubFakeSettings>;

export const scope = 'acme/bots';
export const placeAt = (path: string): Place => ({ credential: parseCredentialId('openai/prod/support-bot'), path });

export function backendWith(api: string, admin: string, more: object = {}): Backend {
  const settings = { api, owner: 'acme', repository: 'bots', auth: { method: 'token' }, ...more };
  return githubActionsBackend(githubSettings.parse(settings), {
    name: 'actions',
    admin: async () => new SecretMaterial({ admin }, 'admin'),
  });
}

export interface Run {
  readonly secrets: Readonly<Record<string, string>>;
  readonly vars: Readonly<Record<string, string>>;
}

/** What a workflow run gets. */
export async function runIn(fake: GithubFake, where = scope): Promise<Run> {
  // The control port is ours: its answers have this shape.
  const all = (await fake.control('GET', '/run')) as Readonly<Record<string, Run>>;
  return all[where] ?? { secrets: {}, vars: {} };
}

export function githubSubject(fake: () => GithubFake) {
  return async (): Promise<BackendSubject> => {
    const { url, adminKey } = fake();
    const place = placeAt(`ai/prod/${randomBytes(6).toString('hex')}`);
    const closing: (() => Promise<void>)[] = [];
    await fake().control('POST', '/empty');

    /** A repository has one place of this credential. */
    async function fields() {
      const { secrets, vars } = await runIn(fake());
      const mark = vars['KEYBATON_OPENAI__PROD__SUPPORT_BOT'];
      if (mark === undefined) return Object.keys(secrets).length === 0 ? undefined : secrets;
      const { keybaton_version, keybaton_epoch } = JSON.parse(mark);
      // The kit looks for names as they were mapped, and GitHub knows no small letters.
      const small = Object.fromEntries(Object.entries(secrets).map(([name, value]) => [name.toLowerCase(), value]));
      return { ...small, ...secrets, keybaton_version, keybaton_epoch };
    }

    return {
      backend: backendWith(url, adminKey),
      place,
      consumerReads: fields,
      async consumerFinds(_path, text) {
        return Object.values((await runIn(fake())).secrets).some((value) => value.includes(text));
      },
      writeByHand: async (_path, written) => void (await fake().control('POST', '/write', { scope, fields: written })),
      async copies(_path, _version, value) {
        const { secrets, vars } = await runIn(fake());
        return [...Object.values(secrets), ...Object.values(vars)].filter((text) => text.includes(value)).length;
      },
      async losingNextAnswer() {
        const proxy = await answerLosingProxy(url);
        closing.push(proxy.close);
        return { backend: backendWith(proxy.url, adminKey), lost: proxy.lost };
      },
      unreachable: async () => backendWith(`http://127.0.0.1:${String(await freePort())}`, adminKey),
      denied: async () => backendWith(url, 'no-such-token'),
      close: async () => {
        for (const one of closing) await one();
      },
    };
  };
}
