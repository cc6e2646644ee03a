import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReadMain } from '../../backends/embedded/read-main.ts';
import { openEmbedded } from '../../backends/embedded.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { sharedWorld } from '../../providers/in-memory/shared-world.ts';
import { standingKeys } from '../../providers/in-memory/world.ts';
import { connectTemporal, rotations, type Temporal } from '../../worker/temporal.ts';
import { documentedPolicy, rawVault, tokenWith, type RawVault } from '../backends/vault-kv-subject.ts';
import { runIn } from '../backends/github-subject.ts';
import { openInstallation, type Installation } from '../emergency/installation.ts';
import type { GithubFakeSettings } from '../fakes/github/server.ts';
import { startFake, type RunningFake } from '../fakes/start.ts';
import { startOpenBaoServer, type OpenBaoServer } from '../support/openbao-server.ts';
import { until } from '../support/until.ts';

const id = parseCredentialId('in-memory/prod/app');
const path = 'ai/prod/app';
const mark = 'KEYBATON_IN_MEMORY__PROD__APP';
const who = { credential: id, consumer: 'web', instance: 'one' };

interface Status {
  readonly run: { readonly step: string; readonly waitsFor: string | null } | null;
  readonly backends: readonly { readonly backend: string; readonly standing: string }[];
}

/** One credential in a vault of ours, in OpenBao, and where nobody can read it back: command, worker, Temporal are real. */
describe('one credential in the embedded vault, OpenBao and GitHub Actions', { timeout: 90_000 }, () => {
  let bao: OpenBaoServer;
  let root: RawVault;
  let github: RunningFake<GithubFakeSettings>;
  let installation: Installation;
  let temporal: Temporal;

  beforeAll(async () => {
    [bao, github] = await Promise.all([startOpenBaoServer(), startFake<GithubFakeSettings>('github')]);
    root = rawVault(bao.url, bao.rootToken);
    installation = await openInstallation({
      targets: (folder) => targetsOf(folder, bao.url, github.url),
      inventory: inventoryOf('[own, vault, { backend: actions, fields: { API_KEY: "{api_key}" } }]'),
      environment: {
        ADMIN: 'admin',
        BAO_TOKEN: await tokenWith(root, 'keybaton', documentedPolicy),
        GITHUB_TOKEN_OF_OURS: github.adminKey,
      },
    });
    temporal = await connectTemporal(installation.temporal);
    await installation.startWorker({ KEYBATON_SWEEP_EVERY: '1s' });
  }, 100_000);
  afterAll(async () => {
    await temporal?.close();
    await installation?.close();
    await github?.stop();
    await bao?.stop();
  }, 60_000);

  const facts = () => installation.ledger.facts(id);
  const currentOf = async () => (await facts()).epochs[0] ?? expect.fail('nothing is current');
  const status = async (): Promise<Status> =>
    JSON.parse((await installation.type(['status', id, '--json'])).stdout) as Status;
  const standings = async () => (await status()).backends.map(({ backend, standing }) => `${backend} ${standing}`);
  const live = (): number => {
    const world = sharedWorld(join(installation.folder, 'far'));
    const keys = standingKeys(world, Date.now()).filter(({ disabled }) => !disabled);
    world.close();
    return keys.length;
  };
  async function prove(): Promise<void> {
    await installation.ledger.beat({ ...who, boot: 'first', lease: 600_000 });
    const { epoch } = await currentOf();
    await installation.ledger.prove({ ...who, epoch, kind: 'possession', actor: 'consumer:web' });
    // As the API does with the last proof.
    await rotations(async () => temporal, installation.temporal.address).wake(id);
  }

  /** The version and epoch that each place shows, read past keybaton. */
  const inOwn = () => {
    const vault = openEmbedded(
      { file: join(installation.folder, 'vault.db') },
      { key: (purpose) => installation.key.derive(purpose) },
    );
    try {
      const { version, epoch } = createReadMain(vault)(path, 'current');
      return { version, epoch };
    } finally {
      vault.close();
    }
  };
  const baoFields = async () => (await root.request('GET', `secret/data/${path}`)).body?.data?.data;
  const inBao = async () => {
    const { keybaton_version: version, keybaton_epoch: epoch } = (await baoFields()) ?? {};
    return { version, epoch: Number(epoch) };
  };
  const inActions = async () => {
    const { keybaton_version: version, keybaton_epoch: epoch } = JSON.parse((await runIn(github)).vars[mark] ?? '{}');
    return { version, epoch: Number(epoch) };
  };
  const everywhere = async () => [inOwn(), await inBao(), await inActions()];

  it('is refused by apply where none of its backends can be read, saying what to do', async () => {
    const file = join(installation.folder, 'write-only.yml');
    writeFileSync(file, inventoryOf('[{ backend: actions, fields: { API_KEY: "{api_key}" } }]'));
    const { exit, stderr } = await installation.type(['apply', file]);
    expect(exit).not.toBe(0);
    expect(stderr).toMatch(/none of its backends can be read/);
    expect(stderr).toMatch(/add a backend that can be read/);
    expect((await facts()).entry.backends.length).toBe(3);
  });

  it('is staged where it can be read, promoted in order under one epoch, and unknown where nobody can read it', async () => {
    // The sweep starts it: it was never rotated.
    await until('the first rotation has ended', async () => {
      const { epochs, openRun } = await facts();
      return epochs.length === 1 && openRun === undefined;
    });
    const { version, epoch } = await currentOf();
    expect(await everywhere()).toEqual(Array.from({ length: 3 }, () => ({ version, epoch })));
    const history = JSON.parse((await installation.type(['history', id, '--json'])).stdout) as {
      events: readonly { kind: string; body: { backend?: string } }[];
    };
    const told = (kind: string) => history.events.filter((one) => one.kind === kind).map(({ body }) => body.backend);
    expect(told('version.staged')).not.toContain('actions');
    expect([...told('promotion.shown')].sort()).toEqual(['actions', 'own', 'vault']);
    expect(await standings()).toEqual(['own in-sync', 'vault in-sync', 'actions unknown']);
    await prove();
    expect(await standings()).toEqual(['own in-sync', 'vault in-sync', 'actions in-sync']);
  });

  it('a sealed vault holds the scheduled kill, undoes nothing elsewhere, and once unsealed the rotation ends by itself', async () => {
    const before = await currentOf();
    await installation.type(['rotate', id]);
    await until('the second version is shown everywhere', async () => {
      const { epoch } = await currentOf();
      return epoch === before.epoch + 1 && (await everywhere()).every((one) => one.epoch === epoch);
    });
    const second = await currentOf();
    await root.request('PUT', 'sys/seal');
    await prove();
    await until('the rotation waits for the sealed vault', async () => {
      const { run } = await status();
      return run?.waitsFor?.includes('vault') ?? false;
    });
    expect(live()).toBe(2);
    expect([inOwn(), await inActions()]).toEqual([
      { version: second.version, epoch: second.epoch },
      { version: second.version, epoch: second.epoch },
    ]);
    expect((await facts()).versions.find((one) => one.id === before.version)?.authorisedEpoch).toBeUndefined();

    // The key of our own vault is changed while the rotation waits: the worker has the file open.
    const changed = await installation.type(['vault', 'rotate-key', 'own', '--json']);
    expect([changed.stderr, changed.exit]).toEqual(['', 0]);

    const key = /Unseal Key: (\S+)/.exec(readFileSync(bao.logFile, 'utf8'))?.[1];
    await root.request('PUT', 'sys/unseal', { key });
    await until('the old version is dead', async () => live() === 1, 60_000);
    await until('the run has ended', async () => (await facts()).openRun === undefined);
    expect((await facts()).versions.find((one) => one.id === before.version)?.dead?.grade).toBe('refused');
    expect((await currentOf()).epoch).toBe(second.epoch);
  });

  it('what somebody writes into OpenBao by hand wakes the rotation, which mends it', async () => {
    const { version, epoch } = await currentOf();
    // As after a restore of what lay there before: ours, under a lower epoch.
    const data = { ...(await baoFields()), keybaton_epoch: String(epoch - 1), theirs: 'kept' };
    expect((await root.request('POST', `secret/data/${path}`, { data })).status).toBe(200);
    await until('it is mended', async () => (await inBao()).epoch >= epoch, 60_000);
    expect(await inBao()).toMatchObject({ version });
    expect(await baoFields()).toMatchObject({ theirs: 'kept' });
    await until('nothing runs', async () => (await facts()).openRun === undefined);
    await until('the alarm is over', async () => (await standings())[1] === 'vault in-sync');
    expect(live()).toBe(1);
  });
});

const targetsOf = (folder: string, bao: string, github: string): string => `targets:
  memory:
    provider: in-memory
    environment: prod
    admin: env:ADMIN
    teams: [bots]
    settings: { folder: ${folder}/far }
backends:
  own:
    kind: embedded
    path: ${path}
    settings: { file: ${folder}/vault.db }
  vault:
    kind: vault-kv
    path: ${path}
    admin: env:BAO_TOKEN
    settings: { address: '${bao}' }
  actions:
    kind: github-actions
    path: ${path}
    admin: env:GITHUB_TOKEN_OF_OURS
    settings: { api: '${github}', owner: acme, repository: bots, auth: { method: token } }
`;

const inventoryOf = (backends: string): string => `teams: [bots]
credentials:
  ${id}:
    target: memory
    team: bots
    schedule: { every: 90d }
    backends: ${backends}
    consumers:
      - name: web
        demand: possession
    silence: { no: the keys of this test are not watched }
    soak: 0s
`;
