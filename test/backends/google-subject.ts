import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Place } from '../../backends/backend.ts';
import { holdsValue } from '../../backends/fields.ts';
import { googleSecretManagerBackend } from '../../backends/google-secret-manager.ts';
import { googleSettings } from '../../backends/google-secret-manager/settings.ts';
import type { BackendSubject } from '../../conformance/backend-suite.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { freePort } from '../../scripts/servers/free-port.ts';
import { bearer, rawClient } from '../fakes/raw-client.ts';
import type { Grant } from '../fakes/google-secret-manager/server.ts';
import type { FakeVersion, GoogleSecretManagerSettings } from '../fakes/google-secret-manager/state.ts';
import type { RunningFake } from '../fakes/start.ts';
import { answerLosingProxy } from './answer-losing-proxy.ts';

export type GoogleFake = RunningFake<GoogleSecretManagerSettings>;
export type ReadBy = { readonly what: 'latest' } | { readonly what: 'alias'; readonly alias: string };

export const project = 'keybaton-test';
export const secretsPath = `/v1/projects/${project}/secrets`;
export const placeAt = (path: string): Place => ({ credential: parseCredentialId('openai/prod/support-bot'), path });
export const nameOf = (path: string): string => path.replaceAll('/', '__');

export function backendWith(endpoint: string, token: string, more: object = {}) {
  return googleSecretManagerBackend(googleSettings.parse({ project, endpoint, auth: { method: 'token' }, ...more }), {
    name: 'google',
    admin: async () => new SecretMaterial({ token }, 'token'),
  });
}

/** The roles that the documentation tells people to grant, as the fake polices them. */
export function documentedGrants(prefix: string): readonly Grant[] {
  const page = readFileSync(new URL('../../docs/backends/google-secret-manager.md', import.meta.url), 'utf8');
  return [...page.matchAll(/```yaml\n(# role [\s\S]*?)```/g)].flatMap(([, text = '']): Grant[] => {
    const { includedPermissions: permissions, title } = parse(text) as { includedPermissions: string[]; title: string };
    if (title.endsWith('everywhere')) return [{ permissions, prefix: '' }];
    if (title.endsWith('staged')) return [{ permissions, prefix: 'keybaton-staging__' }];
    return [
      { permissions, prefix: 'keybaton-staging__' },
      { permissions, prefix },
    ];
  });
}

/** How many versions of these secrets the fake still has the value in, readable or not. */
export async function copiesOf(fake: GoogleFake, names: readonly string[], value: string): Promise<number> {
  // The control port is ours: its answers have this shape.
  const secrets = (await fake.control('GET', '/secrets')) as Record<string, FakeVersion[]>;
  const held = names
    .flatMap((name) => secrets[name] ?? [])
    .map(({ data }) => Buffer.from(data ?? '', 'base64').toString());
  return held.filter((text) => holdsValue(text.startsWith('{') ? JSON.parse(text) : text, value)).length;
}

/** One fake, and a place of its own for every test. */
export function googleSubject(fake: () => GoogleFake, admin: () => string, readBy: ReadBy) {
  return async (): Promise<BackendSubject> => {
    const { url } = fake();
    const control = (method: string, path: string, body?: unknown) => fake().control(method, path, body);
    const place = placeAt(`ai/prod/${randomBytes(6).toString('hex')}/keys/support-bot`);
    const consumerToken = randomBytes(12).toString('hex');
    // A wildcard on its own path, as a careless condition would give.
    const allowed = [{ permissions: ['secretmanager.versions.access'], prefix: nameOf(place.path) }];
    await control('POST', '/grant', { token: consumerToken, allowed });
    const consumer = rawClient(url, bearer(consumerToken));
    const wanted = readBy.what === 'latest' ? 'latest' : readBy.alias;
    const open = (endpoint: string, token: string) => backendWith(endpoint, token, { readBy });
    const closing: (() => Promise<void>)[] = [];
    const fieldsOf = (data: string) => JSON.parse(Buffer.from(data, 'base64').toString('utf8'));

    return {
      backend: open(url, admin()),
      place,
      async consumerReads(path) {
        const { status, body } = await consumer('GET', `${secretsPath}/${nameOf(path)}/versions/${wanted}:access`);
        if (status === 404) return undefined;
        if (status !== 200) throw new Error(`a consumer got ${String(status)}`);
        return fieldsOf(body.payload.data);
      },
      async consumerFinds(path, text) {
        const secrets = (await control('GET', '/secrets')) as Record<string, FakeVersion[]>;
        for (const [name, versions] of Object.entries(secrets)) {
          if (!name.includes(nameOf(path))) continue;
          for (const { n } of versions) {
            const { status, body } = await consumer('GET', `${secretsPath}/${name}/versions/${String(n)}:access`);
            if (status === 200 && holdsValue(fieldsOf(body.payload.data), text)) return true;
          }
        }
        return false;
      },
      async writeByHand(path, fields) {
        await control('POST', '/write', {
          secret: nameOf(path),
          fields,
          ...(readBy.what === 'alias' && { alias: readBy.alias }),
        });
      },
      copies: (path, version, value) =>
        copiesOf(fake(), [nameOf(path), `keybaton-staging__${nameOf(path)}__${version}`], value),
      async losingNextAnswer() {
        const proxy = await answerLosingProxy(url);
        closing.push(proxy.close);
        return { backend: open(proxy.url, admin()), lost: proxy.lost };
      },
      unreachable: async () => open(`http://127.0.0.1:${String(await freePort())}`, admin()),
      denied: async () => open(url, 'no-such-token'),
      close: async () => {
        for (const one of closing) await one();
      },
    };
  };
}
