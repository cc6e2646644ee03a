import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { holdsValue } from '../../backends/fields.ts';
import type { Place } from '../../backends/backend.ts';
import { vaultKvBackend } from '../../backends/vault-kv.ts';
import { vaultKvSettings } from '../../backends/vault-kv/settings.ts';
import type { BackendSubject } from '../../conformance/backend-suite.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { freePort } from '../../scripts/servers/free-port.ts';
import type { OpenBaoServer } from '../support/openbao-server.ts';
import { answerLosingProxy } from './answer-losing-proxy.ts';

/** Whatever the server says: a wrong shape fails the assertion. */
type Json = ReturnType<typeof JSON.parse>;

/** The API without any of our code. */
export interface RawVault {
  request(method: string, path: string, body?: object): Promise<{ status: number; body: Json }>;
}

export function rawVault(url: string, token: string, namespace?: string): RawVault {
  return {
    async request(method, path, body) {
      const answer = await fetch(`${url}/v1/${path}`, {
        method,
        headers: {
          'X-Vault-Token': token,
          ...(namespace !== undefined && { 'X-Vault-Namespace': namespace }),
          'Content-Type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
        },
        ...(body && { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
    },
  };
}

/** The policy that the documentation tells people to use. */
export const documentedPolicy =
  /```hcl\n([\s\S]*?)```/.exec(
    readFileSync(new URL('../../docs/backends/vault-kv.md', import.meta.url), 'utf8'),
  )?.[1] ?? '';

export async function tokenWith(root: RawVault, name: string, policy: string): Promise<string> {
  await root.request('PUT', `sys/policies/acl/${name}`, { policy });
  const made = await root.request('POST', 'auth/token/create', { policies: [name], ttl: '1h' });
  return made.body.auth.client_token;
}

export const placeAt = (path: string): Place => ({ credential: parseCredentialId('openai/prod/support-bot'), path });

export function backendWith(address: string, token: string, more: object = {}) {
  return vaultKvBackend(vaultKvSettings.parse({ address, ...more }), {
    name: 'vault',
    admin: async () => new SecretMaterial({ token }, 'token'),
  });
}

/** How many KV versions, of main and staging path, a raw client with all rights can still read this value from. */
export async function copiesOf(root: RawVault, paths: readonly string[], value: string): Promise<number> {
  let copies = 0;
  for (const path of paths) {
    const { body } = await root.request('GET', `secret/metadata/${path}`);
    for (const n of Object.keys(body?.data?.versions ?? {})) {
      // A deleted one is a copy too: whoever may undelete it has the value.
      await root.request('POST', `secret/undelete/${path}`, { versions: [Number(n)] });
      const read = await root.request('GET', `secret/data/${path}?version=${n}`);
      if (holdsValue(read.body?.data?.data, value)) copies += 1;
    }
  }
  return copies;
}

/** One server, and a place of its own for every test. */
export function vaultSubject(server: () => OpenBaoServer, adminToken: () => string) {
  return async (): Promise<BackendSubject> => {
    const { url, rootToken } = server();
    const root = rawVault(url, rootToken);
    const place = placeAt(`ai/prod/${randomBytes(6).toString('hex')}/keys/support-bot`);
    const consumerPolicy = ['data', 'metadata']
      .map((kind) => `path "secret/${kind}/${place.path}*" { capabilities = ["read", "list"] }`)
      .join('\n');
    const consumer = rawVault(url, await tokenWith(root, `consumer-${randomBytes(6).toString('hex')}`, consumerPolicy));
    const closing: (() => Promise<void>)[] = [];

    return {
      backend: backendWith(url, adminToken()),
      place,
      async consumerReads(path) {
        const { status, body } = await consumer.request('GET', `secret/data/${path}`);
        if (status === 404) return undefined;
        if (status !== 200) throw new Error(`a consumer got ${String(status)}`);
        return body.data.data;
      },
      async consumerFinds(path, text) {
        const below = await consumer.request('LIST', `secret/metadata/${path}`);
        const staged = await root.request('LIST', `secret/metadata/keybaton-staging/${path}`);
        const names: string[] = [
          path,
          ...(below.body?.data?.keys ?? []).map((name: string) => `${path}/${name}`),
          ...(staged.body?.data?.keys ?? []).map((name: string) => `keybaton-staging/${path}/${name}`),
        ];
        for (const name of names) {
          for (let n = 1; n <= 10; n += 1) {
            const read = await consumer.request('GET', `secret/data/${name}?version=${String(n)}`);
            if (read.status !== 200) break;
            if (holdsValue(read.body.data.data, text)) return true;
          }
        }
        return false;
      },
      async writeByHand(path, fields) {
        const patched = await root.request('PATCH', `secret/data/${path}`, { data: fields });
        if (patched.status === 404)
          await root.request('POST', `secret/data/${path}`, { options: { cas: 0 }, data: fields });
        else if (patched.status !== 200) throw new Error(`a write by hand got ${String(patched.status)}`);
      },
      copies: (path, version, value) => copiesOf(root, [path, `keybaton-staging/${path}/${version}`], value),
      async losingNextAnswer() {
        const proxy = await answerLosingProxy(url);
        closing.push(proxy.close);
        return { backend: backendWith(proxy.url, adminToken()), lost: proxy.lost };
      },
      unreachable: async () => backendWith(`http://127.0.0.1:${String(await freePort())}`, adminToken()),
      denied: async () => backendWith(url, 'no-such-token'),
      close: async () => {
        for (const one of closing) await one();
      },
    };
  };
}
