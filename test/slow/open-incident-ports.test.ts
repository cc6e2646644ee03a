import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../../control/cli/main.ts';
import type { FrozenVersion } from '../../domain/incident.ts';
import { openLedger } from '../../ledger/open.ts';
import { openIncidentPorts } from '../../worker/open-incident-ports.ts';
import { directRig, type DirectRig } from '../worker/direct-kill-rig.ts';

let rig: DirectRig;
let key: FrozenVersion;
let leaked: string;
let environment: Record<string, string>;
let held: { close(): unknown }[];

beforeEach(() => {
  rig = directRig();
  held = [];
  const planted = rig.plant();
  key = planted.frozen;
  leaked = planted.value;
  environment = {
    KEYBATON_HOME: rig.home,
    KEYBATON_INSTALLATION_KEY: rig.keyText,
    ADMIN: 'admin',
    // Nobody listens on the first port.
    TEMPORAL_ADDRESS: '127.0.0.1:1',
  };
  rig.writeSheet({
    credentials: [
      {
        credential: key.credential,
        status: 'managed',
        target: 'memory',
        team: 'search',
        groups: [],
        emergency: { policy: 'revoke-first', bound: 0 },
        backends: [],
        versions: [
          {
            version: key.version,
            fate: 'current',
            target: 'memory',
            compromised: false,
            fingerprint: key.fingerprint,
            refs: key.refs,
            openIntents: [],
            onlyByHand: false,
          },
        ],
      },
    ],
  });
});
afterEach(() => {
  for (const one of held) one.close();
  rig.close();
});

async function type(line: readonly string[], stdin = ''): Promise<{ exit: number; stdout: string; stderr: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const [out, err] = [stdout.setEncoding('utf8').toArray(), stderr.setEncoding('utf8').toArray()];
  const exit = await runCli(line, {
    openPorts: () => Promise.reject(new Error('an emergency must not open these')),
    openIncidentPorts: () => openIncidentPorts(environment),
    processes: { worker: async () => 1, api: async () => 1, up: async () => 1 },
    stdin: Readable.from([Buffer.from(stdin)]),
    stdout,
    stderr,
    user: 'ada',
    signal: AbortSignal.timeout(25_000),
  });
  stdout.end();
  stderr.end();
  return { exit, stdout: (await out).join(''), stderr: (await err).join('') };
}

const kill = () => type(['emergency', key.credential, '--reason', 'found in a public repository']);

describe('emergency with what is down taken down before it is typed', () => {
  it('kills while there is no ledger and no Temporal, and makes no ledger', async () => {
    const { exit, stderr } = await kill();
    expect([exit, rig.standing()]).toEqual([0, []]);
    expect(stderr).toMatch(/from the kill sheet of this machine[\s\S]*there is no ledger at[\s\S]*this process kills/);
    expect(existsSync(join(rig.home, 'ledger.sqlite'))).toBe(false);
  });

  it('kills while the ledger is locked', async () => {
    const path = join(rig.home, 'ledger.sqlite');
    await (await openLedger({ url: `sqlite:${path}` })).close();
    const lock = new Database(path);
    held.push(lock);
    lock.exec('begin exclusive');
    const { exit } = await kill();
    expect([exit, rig.standing()]).toEqual([0, []]);
  });

  it('kills while the database of the ledger takes connections and never answers', async () => {
    environment['KEYBATON_LEDGER'] = `postgres://nobody:nothing@127.0.0.1:${await blackHole()}/ledger`;
    const { exit, stderr } = await kill();
    expect([exit, rig.standing()]).toEqual([0, []]);
    expect(stderr).toContain('the ledger did not answer within 2 s');
  });

  it('kills while Temporal takes connections and never answers', async () => {
    environment['TEMPORAL_ADDRESS'] = `127.0.0.1:${await blackHole()}`;
    const { exit, stderr } = await kill();
    expect([exit, rig.standing()]).toEqual([0, []]);
    expect(stderr.replace(/\s+/g, ' ')).toContain(
      `killing from this process: Temporal does not answer at ${environment['TEMPORAL_ADDRESS']}`,
    );
  });

  it('kills without an installation key', async () => {
    delete environment['KEYBATON_INSTALLATION_KEY'];
    const { exit } = await kill();
    expect([exit, rig.standing()]).toEqual([0, []]);
    expect(existsSync(join(rig.home, 'installation.key'))).toBe(false);
  });

  it('kills while the disk takes no journal', async () => {
    writeFileSync(join(rig.home, 'incidents'), 'a file stands where the folder should be');
    const { exit, stderr } = await kill();
    expect([exit, rig.standing()]).toEqual([0, []]);
    expect(stderr).toContain("not on this machine's disk");
  });

  it('finds the owner of a leaked value on the kill sheet, kills exactly that key, and prints the value nowhere', async () => {
    const other = rig.plant();
    const { exit, stdout, stderr } = await type(['emergency', '--leaked', '--reason', 'in a log'], `${leaked}\n`);
    expect([exit, rig.standing()]).toEqual([0, [other.frozen.refs[0]?.id]]);
    expect(stdout + stderr).not.toContain(leaked);
  });

  it('kills nothing for a value that is nobody we know, and says so', async () => {
    const { value } = rig.plant();
    const { exit, stdout } = await type(['emergency', '--leaked', '--reason', 'in a log'], `${value}\n`);
    expect([exit, rig.standing().length]).toEqual([7, 2]);
    expect(stdout).toContain('without any key of ours');
  });
});

describe('what such a kill leaves', () => {
  it('is shown by incident show from the journal, and taken by the ledger once there is one', async () => {
    await kill();
    const { incidents } = JSON.parse((await type(['incident', 'list', '--json'])).stdout);
    expect(incidents).toEqual([expect.objectContaining({ keys: 1, dead: 1, unimported: true, who: 'os:ada' })]);
    const ledger = await openLedger({ url: `sqlite:${join(rig.home, 'ledger.sqlite')}` });
    await ledger.close();
    const taken = await type(['incident', 'import', '--json']);
    expect(JSON.parse(taken.stdout)).toEqual({ imported: [incidents[0].incident] });
    const shown = JSON.parse((await type(['incident', 'show', incidents[0].incident, '--json'])).stdout);
    expect(shown).toMatchObject({ unimported: false, counts: { dead: 1 } });
  });

  it('needs no keybaton: the bundle names console, key id and command of every key that lives', async () => {
    const { exit, stdout } = await type(['kill-sheet', 'bundle']);
    expect([exit, stdout]).toEqual([0, expect.stringContaining(key.refs[0]?.id ?? '?')]);
    const shown = await type(['show', key.credential, '--by-hand']);
    expect([shown.exit, shown.stdout]).toEqual([0, expect.stringContaining(key.refs[0]?.id ?? '?')]);
  });
});

/** Takes every connection and says nothing. */
async function blackHole(): Promise<number> {
  const server: Server = createServer((socket) => held.push({ close: () => socket.destroy() }));
  held.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
