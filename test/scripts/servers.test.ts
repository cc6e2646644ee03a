import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startScript } from '../../scripts/servers/child-process.ts';
import { freePort, onFreePort, portIsOpen } from '../../scripts/servers/free-port.ts';
import { poll } from '../../scripts/servers/poll.ts';
import { startPostgresServer } from '../../scripts/servers/postgres-server.ts';
import { startTemporalServer } from '../../scripts/servers/temporal-server.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { toolPath } from '../../scripts/servers/tools.ts';
import { needs } from '../support/needs.ts';
import { startOpenBaoServer } from '../support/openbao-server.ts';
import { startTimeSkippingServer } from '../support/time-skipping-server.ts';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function query(connectionString: string, text: string): Promise<unknown> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

describe('the Temporal dev server', () => {
  it('answers for its namespace, and goes on with its database file after a restart on the same port', async () => {
    const folder = temporaryFolder('restart');
    const dbFilename = join(folder.path, 'temporal.db');
    const first = await startTemporalServer({ dbFilename });
    const connection = await Connection.connect({ address: first.address });
    execFileSync(toolPath('temporal'), ['operator', 'namespace', 'create', '-n', 'kept', '--address', first.address]);
    await first.process.kill();
    expect(await portIsOpen(first.port)).toBe(false);

    const second = await startTemporalServer({ dbFilename, port: first.port });
    const { namespaces } = await connection.workflowService.listNamespaces({});
    expect(namespaces.map((entry) => entry.namespaceInfo?.name)).toEqual(expect.arrayContaining(['keybaton', 'kept']));
    await connection.close();
    await second.stop();
    expect(isAlive(second.process.pid)).toBe(false);
    folder.remove();
  });

  it('says what the server printed when it cannot start', async () => {
    await expect(startTemporalServer({ extraArgs: ['--no-such-flag'] })).rejects.toThrow(
      'unknown flag: --no-such-flag',
    );
  });
});

describe('PostgreSQL', () => {
  it('runs without being root, takes SCRAM logins alone, and removes its data when stopped', async () => {
    const server = await startPostgresServer();
    expect(
      await query(server.adminUrl, 'select rolname from pg_authid where rolpassword like $$SCRAM-SHA-256$%$$'),
    ).toEqual([{ rolname: 'postgres' }]);
    const wrong = server.adminUrl.replace(server.adminPassword, 'wrong');
    await expect(query(wrong, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    expect(statSync(`/proc/${server.process().pid}`, { throwIfNoEntry: false })?.uid ?? 1).not.toBe(0);

    const [row] = z
      .array(z.object({ data_directory: z.string() }))
      .parse(await query(server.adminUrl, 'show data_directory'));
    await server.stop();
    expect(isAlive(server.process().pid)).toBe(false);
    expect(existsSync(row?.data_directory ?? '')).toBe(false);
  });

  it('keeps what was committed when it is killed and started again', async () => {
    const server = await startPostgresServer();
    await query(server.adminUrl, 'create table kept (id int)');
    await server.kill();
    await expect(query(server.adminUrl, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await server.restart();
    expect(await query(server.adminUrl, 'select count(*)::int as rows from kept')).toEqual([{ rows: 0 }]);
    await server.stop();
  });
});

describe('OpenBao', () => {
  needs('openbao');

  it('has KV v2 at secret/ and writes an audit log', async () => {
    const server = await startOpenBaoServer();
    const headers = { 'x-vault-token': server.rootToken };
    const body = JSON.stringify({ data: { word: 'kept' }, options: { cas: 0 } });
    const written = await fetch(`${server.url}/v1/secret/data/house`, { method: 'POST', headers, body });
    expect(written.status).toBe(200);
    const read: unknown = await (await fetch(`${server.url}/v1/secret/data/house`, { headers })).json();
    expect(read).toMatchObject({ data: { data: { word: 'kept' }, metadata: { version: 1 } } });
    expect(readFileSync(server.auditFile, 'utf8')).toContain('"secret/data/house"');
    await server.stop();
    expect(isAlive(server.process.pid)).toBe(false);
  });
});

describe('the time-skipping server', () => {
  needs('temporal-test-server');

  it('lets a day pass at once', async () => {
    const server = await startTimeSkippingServer();
    const before = await server.environment.currentTimeMs();
    await server.environment.sleep('1 day');
    expect(await server.environment.currentTimeMs()).toBeGreaterThanOrEqual(before + 86_400_000);
    await server.stop();
    expect(isAlive(server.pid)).toBe(false);
  });
});

describe('a port that somebody took first', () => {
  it.each([
    ['the Temporal dev server', (port: number) => startTemporalServer({ port })],
    ['PostgreSQL', (port: number) => startPostgresServer({ port })],
  ])('makes %s start on another one', async (_, start) => {
    const taken = await freePort();
    const listener = createServer().listen(taken, '127.0.0.1');
    await once(listener, 'listening');
    const tried: number[] = [];
    const server = await onFreePort(async (port) => {
      tried.push(port);
      return start(tried.length === 1 ? taken : port);
    });
    expect(tried).toHaveLength(2);
    await server.stop();
    listener.close();
  });

  it('is not what every failure is taken for', async () => {
    let starts = 0;
    const start = async () => {
      starts += 1;
      throw new Error('unknown flag');
    };
    await expect(onFreePort(start)).rejects.toThrow('unknown flag');
    expect(starts).toBe(1);
  });
});

describe('a script in a process of its own', () => {
  it('gets its arguments and variables, and hands over its output, an inherited pipe and its exit code', async () => {
    const program = await startScript({
      file: new URL('programs/speaks.ts', import.meta.url),
      args: ['one', 'two'],
      env: { SPEAKS: 'kept' },
      pipes: 1,
    });
    let heard = '';
    program.pipes[0]?.setEncoding('utf8').on('data', (text: string) => (heard += text));
    expect(await program.printed(/arguments: (.*)/)).toMatchObject({ 1: 'one two' });
    expect(await program.ended).toEqual({ code: 3, signal: null });
    expect(program.output()).toContain('variable: kept');
    expect(heard).toBe('through the third pipe');
  });

  it('takes every process and folder with it when it is killed, even those that are stopped', async () => {
    const program = await startScript({ file: new URL('programs/holds-servers.ts', import.meta.url) });
    const [, text = ''] = await program.printed(/(\{.*\})\n/);
    const held = z.object({ pids: z.array(z.number()), folder: z.string() }).parse(JSON.parse(text));
    expect(held.pids.map(isAlive)).toEqual([true, true]);
    expect(existsSync(held.folder)).toBe(true);

    await program.kill();
    await poll(() => !held.pids.some(isAlive) && !existsSync(held.folder), { what: 'the end of what it held' });
  });
});
