import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { sharedWorld } from '../../providers/in-memory/shared-world.ts';
import { standingKeys, type World } from '../../providers/in-memory/world.ts';
import { embeddedMain } from '../emergency/embedded-main.ts';
import { openInstallation, type Installation } from '../emergency/installation.ts';
import { until } from '../support/until.ts';

const bot = parseCredentialId('in-memory/prod/bot');

/** Protocol 1: a ledger that was restored from an old backup observes until a person has read `reconcile`. */
describe('a ledger restored from an old backup', { timeout: 240_000 }, () => {
  let installation: Installation;
  let world: World & { close(): void };
  let file: string;

  beforeAll(async () => {
    installation = await openInstallation({
      targets: (folder) => `targets:
  memory:
    provider: in-memory
    environment: prod
    admin: env:ADMIN
    teams: [search]
    settings: { folder: ${folder}/far }
backends:
  vault:
    kind: embedded
    settings: { file: ${folder}/vault.sqlite }
`,
      inventory: `teams: [search]
credentials:
  ${bot}:
    target: memory
    team: search
    backends: [vault]
    consumers: { none: a job that reads its key anew each night }
    silence: { no: a job that reads its key anew each night }
    soak: 0s
`,
      environment: { ADMIN: 'admin' },
    });
    world = sharedWorld(join(installation.folder, 'far'));
    file = join(installation.home, 'ledger.sqlite');
    await installation.ledger.close();
  }, 60_000);
  afterAll(async () => {
    await installation.close();
    world.close();
  }, 60_000);

  const standing = (): readonly string[] => standingKeys(world, Date.now()).map(({ id }) => id);
  const type = (line: readonly string[]) => installation.type(line);
  const currentOf = async () => {
    const { stdout } = await type(['show', bot, '--json']);
    // The command answers the summary under this name.
    return (JSON.parse(stdout) as { summary: { current: { version: string } } }).summary.current.version;
  };
  /** What consumers read. */
  const read = (): string => {
    const main = embeddedMain(installation);
    try {
      return main(bot);
    } finally {
      main.close();
    }
  };

  it('observes, reports, and acts again once somebody has read the report, past what it has lost', async () => {
    let worker = await installation.startWorker();
    expect((await type(['rotate', bot, '--wait'])).exit).toBe(0);
    await worker.stop();
    copyFileSync(file, `${file}.old`);
    worker = await installation.startWorker();
    expect((await type(['rotate', bot, '--wait'])).exit).toBe(0);
    await worker.stop();
    const [lost] = standing();
    const lostVersion = read();
    for (const end of ['', '-wal', '-shm']) rmSync(`${file}${end}`, { force: true });
    copyFileSync(`${file}.old`, file);

    await installation.startWorker({ KEYBATON_SWEEP_EVERY: '2s' });
    const { exit, stdout } = await type(['reconcile']);
    expect([exit, stdout]).toEqual([8, expect.stringMatching(/stray +key-\d[\s\S]*VANISHED[\s\S]*only observes/)]);
    const refused = await type(['rotate', bot, '--wait']);
    expect([refused.exit, refused.stdout]).toEqual([8, expect.stringContaining('the ledger only observes')]);
    expect([standing(), read()]).toEqual([[lost], lostVersion]);
    expect(await installation.incidents()).toEqual([]);

    expect((await type(['reconcile', '--read'])).stdout).not.toContain('only observes');
    await type(['rotate', bot]);
    await until('consumers have a version that the ledger knows', async () => read() !== lostVersion, 60_000);
    await until('the ledger says the same', async () => (await currentOf()) === read());
    // Nobody but a person lets go of what the ledger does not know.
    expect(standing()).toContain(lost);
  });
});
