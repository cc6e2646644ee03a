import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import type { Backend, Place } from '../../backends/backend.ts';
import { holdsValue } from '../../backends/fields.ts';
import { kubernetesBackend } from '../../backends/kubernetes.ts';
import { kubernetesSettings } from '../../backends/kubernetes/settings.ts';
import type { BackendSubject } from '../../conformance/backend-suite.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { freePort } from '../../scripts/servers/free-port.ts';
import type { FakeSecret, KubernetesFakeSettings, Rule } from '../fakes/kubernetes/server.ts';
import type { RunningFake } from '../fakes/start.ts';

export type KubernetesFake = RunningFake<KubernetesFakeSettings>;

export const namespace = 'team-a';
export const stagingNamespace = 'keybaton-staging';
export const placeAt = (path: string): Place => ({ credential: parseCredentialId('openai/prod/support-bot'), path });
export const nameOf = (path: string): string => path.replaceAll('/', '.');

export function backendWith(server: string, caFile: string, token: string, more: object = {}) {
  const settings = { server, namespace, stagingNamespace, caFile, auth: { method: 'token' }, ...more };
  return kubernetesBackend(kubernetesSettings.parse(settings), {
    name: 'cluster',
    admin: async () => new SecretMaterial({ token }, 'token'),
  });
}

/** The roles that the documentation tells people to bind. */
export function documentedRules(): readonly Rule[] {
  const page = readFileSync(new URL('../../docs/backends/kubernetes.md', import.meta.url), 'utf8');
  const [, text = ''] = /```yaml\n(apiVersion[\s\S]*?)```/.exec(page) ?? [];
  return parseAllDocuments(text).flatMap((document): Rule[] => {
    const role = document.toJS() as { metadata: { namespace: string }; rules: { verbs: string[] }[] };
    return role.rules.map(({ verbs }) => ({ namespace: role.metadata.namespace, verbs }));
  });
}

export async function secretsOf(fake: KubernetesFake): Promise<Readonly<Record<string, FakeSecret>>> {
  // The control port is ours: its answers have this shape.
  return (await fake.control('GET', '/secrets')) as Record<string, FakeSecret>;
}

const decoded = (data: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString('utf8')]));

/** Answers of the fake's next write are cut off once it is done. */
export async function losing(fake: KubernetesFake, open: () => Backend) {
  await fake.faults({ drop: { create: 1, patch: 1, delete: 1 } });
  let lost = false;
  const look = async (): Promise<void> => {
    lost ||= (await fake.activity()).requests.some(({ status }) => status === 'dropped');
    if (lost) await fake.faults({ drop: {} });
  };
  const sound = open();
  const backend: Backend = {
    ...sound,
    stage: (...given) => sound.stage(...given).finally(look),
    promote: (...given) => sound.promote(...given).finally(look),
    destroy: (...given) => sound.destroy(...given).finally(look),
  };
  return { backend, lost: () => lost };
}

/** A fake for each test, since the log of what was dropped is a fake's own; started once by the file and reset. */
export function kubernetesSubject(fake: () => KubernetesFake, caFile: () => string, admin: () => string) {
  return async (): Promise<BackendSubject> => {
    const place = placeAt(`ai/prod/${randomBytes(6).toString('hex')}/keys/support-bot`);
    const open = (server: string, token: string) => backendWith(server, caFile(), token);
    // As a pod that mounts it: every Secret of its namespace, and no other.
    const inReach = async () =>
      Object.values(await secretsOf(fake())).filter(({ metadata }) => metadata.namespace === namespace);

    return {
      backend: open(fake().url, admin()),
      place,
      async consumerReads(path) {
        const found = (await inReach()).find(({ metadata }) => metadata.name === nameOf(path));
        return found && decoded(found.data);
      },
      consumerFinds: async (_path, text) =>
        (await inReach()).some(({ data, metadata }) => holdsValue({ data: decoded(data), metadata }, text)),
      writeByHand: async (path, fields) =>
        void (await fake().control('POST', '/write', { namespace, name: nameOf(path), fields })),
      async copies(path, version, value) {
        const all = Object.values(await secretsOf(fake()));
        const holding = all.filter(({ data, metadata }) => {
          const fields = decoded(data);
          const whole = Object.values(fields).map((text) =>
            text.startsWith('{') ? (JSON.parse(text) as unknown) : text,
          );
          return [nameOf(path), `${nameOf(path)}.${version}`].includes(metadata.name) && holdsValue(whole, value);
        });
        return holding.length;
      },
      losingNextAnswer: () => losing(fake(), () => open(fake().url, admin())),
      unreachable: async () => open(`https://localhost:${String(await freePort())}`, admin()),
      denied: async () => open(fake().url, 'no-such-token'),
      close: () => fake().reset(),
    };
  };
}
