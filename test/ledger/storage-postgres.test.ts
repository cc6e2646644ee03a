import { createServer, connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { poll } from '../../scripts/servers/poll.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { openLedger } from '../../ledger/open.ts';
import { bot, entry } from './fixtures.ts';
import { postgresPlace } from './places.ts';
import { expectRefusal, expectSound } from './scenario.ts';

const place = postgresPlace();
beforeAll(() => place.start());
afterAll(() => place.stop());

const note = { kind: 'written', actor: 'os:tester', body: {} };

/** Our own connection, which may hold locks that the ledger then waits for. */
async function outsider(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

async function waiting(client: pg.Client): Promise<number | undefined> {
  const answer = await client.query<{ pid: number }>(
    `select pid from pg_stat_activity where application_name = 'keybaton-ledger' and wait_event_type = 'Lock'`,
  );
  return answer.rows[0]?.pid;
}

/** Stands between ledger and database, and breaks the connection around a COMMIT when told to. */
async function cuttingProxy(
  url: string,
): Promise<{ url: string; cut: { at: 'never' | 'before-commit' | 'after-commit' } }> {
  const target = new URL(url);
  const port = Number(target.port);
  const cut: { at: 'never' | 'before-commit' | 'after-commit' } = { at: 'never' };
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, target.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    near.on('close', () => far.end());
    far.on('close', () => near.end());
    far.on('data', (bytes) => near.write(bytes));
    near.on('data', (bytes) => {
      if (cut.at === 'never' || !bytes.includes('commit')) {
        far.write(bytes);
        return;
      }
      if (cut.at === 'before-commit') far.destroy();
      else far.write(bytes, () => far.end());
      cut.at = 'never';
      near.destroy();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  target.port = String((server.address() as AddressInfo).port);
  return { url: target.href, cut };
}

describe('a ledger on PostgreSQL', () => {
  it('whose connection is cut in the middle of a write has written nothing, and goes on', async () => {
    const url = await place.fresh();
    const ledger = await openLedger({ url });
    const client = await outsider(url);
    await client.query('begin');
    await client.query('select * from chain for update');
    const refused = expectRefusal(ledger.note(note), 'UNAVAILABLE', /57P01|cannot be reached/);
    const pid = await poll(() => waiting(client), { what: 'the ledger waiting for the lock' });
    await client.query('select pg_terminate_backend($1)', [pid]);
    await refused;
    await client.query('rollback');
    await ledger.note(note);
    expect(await ledger.history({ limit: 9 })).toHaveLength(1);
    await expectSound(ledger);
    await ledger.close();
  });

  it('survives the loss of its idle connections', async () => {
    const url = await place.fresh();
    const ledger = await openLedger({ url });
    await ledger.note(note);
    const client = await outsider(url);
    const left = async () => {
      const answer = await client.query<{ count: number }>(
        `select count(pg_terminate_backend(pid))::int as count from pg_stat_activity where application_name = 'keybaton-ledger'`,
      );
      return answer.rows[0]?.count === 0;
    };
    await poll(left, { what: 'every connection of the ledger gone' });
    await poll(
      () =>
        ledger.note(note).then(
          () => true,
          () => false,
        ),
      { what: 'a write' },
    );
    expect((await ledger.verifyChain()).broken).toEqual([]);
    await ledger.close();
  });

  it('that another transaction locks gives up after a while', async () => {
    const url = await place.fresh();
    const ledger = await openLedger({ url });
    const client = await outsider(url);
    await client.query('begin');
    await client.query('select * from chain for update');
    await expectRefusal(ledger.note(note), 'UNAVAILABLE', /locked by another process/);
    await client.query('rollback');
    expect(await ledger.history({ limit: 9 })).toEqual([]);
    await ledger.close();
  });

  it('whose answer to a commit is lost looks whether it happened: it did', async () => {
    const { url, cut } = await cuttingProxy(await place.fresh());
    const ledger = await openLedger({ url });
    cut.at = 'after-commit';
    await ledger.note(note);
    expect(cut.at).toBe('never');
    expect(await ledger.history({ limit: 9 })).toHaveLength(1);
    await ledger.close();
  });

  it('whose commit is lost looks whether it happened: it did not', async () => {
    const { url, cut } = await cuttingProxy(await place.fresh());
    const ledger = await openLedger({ url });
    cut.at = 'before-commit';
    await expectRefusal(ledger.note(note), 'UNAVAILABLE');
    expect(cut.at).toBe('never');
    expect(await ledger.history({ limit: 9 })).toEqual([]);
    await ledger.close();
  });

  it('locks the credential first and the head last, so that writes on many credentials do not deadlock', async () => {
    const url = await place.fresh();
    const [one, two] = await Promise.all([openLedger({ url }), openLedger({ url })]);
    const other = { ...entry(), id: 'openai/prod/other' as typeof bot };
    await one.applyInventory({ teams: ['support'], entries: [entry(), other], targets: {}, actor: 'os:tester' });
    const writes = Array.from({ length: 40 }, (_, index) => {
      const ledger = index % 2 === 0 ? one : two;
      const credential = index % 3 === 0 ? bot : other.id;
      return ledger.alarm({ credential, key: `k${index}`, text: 'x', page: false });
    });
    await Promise.all([...writes, one.rebuild()]);
    expect(await one.openAlarms()).toHaveLength(40);
    await expectSound(two);
    await one.close();
    await two.close();
  });

  it('needs no more than the rights on its own schema', async () => {
    const url = await place.fresh();
    const client = await outsider(url);
    const folder = temporaryFolder('kill-sheet');
    onTestFinished(() => folder.remove());
    const schema = /search_path%3D(\w+)/.exec(url)?.[1] ?? '';
    await client.query(`create role ${schema} login password 'only-for-this-test'`);
    await client.query(`grant all on schema ${schema} to ${schema}`);
    const theirs = new URL(url);
    theirs.username = schema;
    theirs.password = 'only-for-this-test';
    const ledger = await openLedger({ url: theirs.href, killSheet: join(folder.path, 'kill-sheet.json') });
    await ledger.applyInventory({ teams: ['support'], entries: [entry()], targets: {}, actor: 'os:tester' });
    await expectSound(ledger);
    await ledger.close();
    theirs.password = 'wrong';
    await expectRefusal(openLedger({ url: theirs.href }), 'ACCESS_DENIED');
  });

  it('that does not exist, or does not answer, says so', async () => {
    const missing = new URL(await place.fresh());
    missing.pathname = '/nowhere';
    await expectRefusal(openLedger({ url: missing.href }), 'INVALID_CONFIG', /create it first/);
    await expectRefusal(openLedger({ url: 'postgres://nobody@127.0.0.1:1/none' }), 'UNAVAILABLE', /cannot be reached/);
  });
});
