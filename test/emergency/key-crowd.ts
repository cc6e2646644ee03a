import { randomBytes } from 'node:crypto';
import { stageEverywhere } from '../../activities/staging.ts';
import { takeOver } from '../../activities/take-over.ts';
import { placesOf } from '../../activities/ports.ts';
import { backendRegistry } from '../../backends/registry.ts';
import { parseCredentialId, versionIdFrom, type CredentialId, type VersionId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { versionTag } from '../../domain/version-tag.ts';
import { providers } from '../../providers/registry.ts';
import { activityPorts } from '../../worker/activity-ports.ts';
import type { OpenAiSettings } from '../fakes/openai/state.ts';
import type { RunningFake } from '../fakes/start.ts';
import type { Installation } from './installation.ts';

/** How many credentials, spread evenly over how many projects of one OpenAI organisation. */
export interface CrowdSize {
  readonly projects: number;
  readonly perProject: number;
  /** Live versions of each credential: the newest is current, the others are to die. */
  readonly versions: number;
}

export interface CrowdKey {
  readonly credential: CredentialId;
  readonly version: VersionId;
  /** The provider's name of it. */
  readonly id: string;
}

export const projectOf = (index: number): string => `proj_${index}`;
const targetOf = (index: number): string => `openai-${index}`;
const padded = (number: number): string => String(number).padStart(3, '0');

export function crowdTargets(
  fake: RunningFake<OpenAiSettings>,
  { projects }: CrowdSize,
  options: { readonly revokeSpread: number; readonly rateLimit?: string; readonly callTimeout?: number },
): (folder: string) => string {
  const target = (index: number): string => `  ${targetOf(index)}:
    provider: openai
    environment: prod
    admin: env:OPENAI_ADMIN
    teams: [search]
${options.rateLimit === undefined ? '' : `    rateLimit: ${options.rateLimit}\n`}    settings:
      project: ${projectOf(index)}
      baseUrl: ${fake.url}
      createSpread: 0
      revokeSpread: ${options.revokeSpread}
      lateCreate: 0
      usageLag: 0
      callTimeout: ${options.callTimeout ?? 2_000}
`;
  return (folder) =>
    `targets:\n${Array.from({ length: projects }, (_, index) => target(index)).join('')}backends:\n  vault:\n    kind: embedded\n    settings: { file: ${folder}/vault.sqlite }\n`;
}

export function crowdInventory(size: CrowdSize): string {
  const entries = credentialsOf(size).map(
    ({ id, target }) => `  ${id}:
    target: ${target}
    team: search
    schedule: { every: 90d }
    backends: [vault]
    consumers: { none: a job that reads its key anew each night }
    silence: { no: a job that reads its key anew each night }
    soak: 0s
`,
  );
  return `teams: [search]\ncredentials:\n${entries.join('')}`;
}

export const credentialsOf = ({ projects, perProject }: CrowdSize) =>
  Array.from({ length: projects * perProject }, (_, index) => ({
    id: parseCredentialId(`openai/prod/bot-${padded(index)}`),
    target: targetOf(index % projects),
    project: projectOf(index % projects),
  }));

/** Makes the keys at the provider under our tags, keeps copies of them, and has the ledger import them. */
export async function plantCrowd(
  installation: Installation,
  fake: RunningFake<OpenAiSettings>,
  size: CrowdSize,
): Promise<readonly CrowdKey[]> {
  const { ledger, key, environment } = installation;
  const ports = activityPorts({
    ledger,
    key,
    adapters: { providers, backends: backendRegistry },
    environment,
    workflows: { watchTarget: nobody, settleDebt: nobody, wakeRotation: nobody },
  });
  const ours = await ledger.installation();
  const signal = AbortSignal.timeout(120_000);
  const planted: CrowdKey[] = [];
  for (const { id, target, project } of credentialsOf(size)) {
    const places = await placesOf(ports, (await ledger.facts(id)).entry);
    for (let count = 1; count <= size.versions; count += 1) {
      const version = versionIdFrom(new Uint8Array(randomBytes(64)));
      const made = await makeKey(fake, project, versionTag(ours, version));
      const material = new SecretMaterial({ api_key: made.value }, 'api_key');
      const ref = { id: made.id, parent: made.account };
      await stageEverywhere(ports, places, { version, ref, material }, signal);
      await ledger.importVersion({
        credential: id,
        version,
        target,
        ref,
        fingerprint: ports.keys.fingerprint('openai', material),
        copies: places.map((at) => ({ backend: at.name, path: at.place.path })),
        proofKey: ports.keys.sealedProofKey(version, material),
        who: 'test',
        current: true,
      });
      if (count === size.versions) for (const at of places) await takeOver(ports, at, version, count, signal);
      planted.push({ credential: id, version, id: made.id });
    }
  }
  return planted;
}

export interface MadeKey {
  readonly id: string;
  readonly account: string;
  readonly value: string;
}

/** A service account with its key, as anybody with an admin key makes one. */
export async function makeKey(fake: RunningFake<OpenAiSettings>, project: string, name: string): Promise<MadeKey> {
  const answer = await fetch(`${fake.url}/organization/projects/${project}/service_accounts`, {
    method: 'POST',
    headers: { authorization: `Bearer ${fake.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  });
  // The fake's answer, as its routes write it.
  const { id, api_key } = (await answer.json()) as { id: string; api_key: { id: string; value: string } };
  return { id: api_key.id, account: id, value: api_key.value };
}

/** What the provider's own process says of every key it ever made. */
export interface SeenKey {
  readonly id: string;
  readonly project: string;
  readonly name: string;
  readonly createdAt: number;
  readonly deletedAt: number | null;
  /** A thief who holds its value gets in. */
  readonly works: boolean;
  readonly live: boolean;
  readonly kills: number;
}

export const seenAt = async (fake: RunningFake<OpenAiSettings>): Promise<ReadonlyMap<string, SeenKey>> => {
  const keys = (await fake.control('GET', '/keys')) as readonly SeenKey[];
  return new Map(keys.map((one) => [one.id, one]));
};

const nobody = async (): Promise<void> => undefined;
