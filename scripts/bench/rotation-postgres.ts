import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import { rotate } from '../../control/operations/rotate.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { openPorts } from '../../worker/composition.ts';
import { connectTemporal } from '../../worker/temporal.ts';
import { startPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { missingTool } from '../servers/tools.ts';
import { median } from '../storm/trend.ts';
import type { Figure, Measured } from './report.ts';
import { openStage, type Closing } from './stage.ts';
import { openStaticRoles } from './static-roles.ts';
import { percentile, processorSecondsOfAll } from './usage.ts';

/** One that rotates logins, and the processes whose processor time is its own. */
interface Subject {
  readonly lanes: readonly (() => Promise<void>)[];
  readonly processes: Readonly<Record<string, number>>;
}

/** What one block measured of one subject. */
interface Block {
  readonly many: number;
  readonly perSecond: number;
  /** Milliseconds from asking for a rotation to its end. */
  readonly p50: number;
  /** Milliseconds of processor time for a rotation, by program; `asking` is this program's own, PostgreSQL is both's. */
  readonly processor: Readonly<Record<string, number>>;
}

type Pair = Readonly<Record<'keybaton' | 'openbao', Block>>;

/**
 * Whole rotations of logins of a PostgreSQL server, beside OpenBao's `database/rotate-role` on the same server: in turns, first
 * one after the other, then many in flight. Nobody uses the logins (`consumers: none`), so nobody is waited for.
 */
export async function measureRotationOnPostgres(
  close: Closing,
  options: { readonly seconds: number; readonly blocks: number; readonly inFlight: number },
): Promise<Measured> {
  const missing = missingTool('openbao');
  if (missing !== undefined) {
    console.log(`PostgreSQL beside OpenBao was not measured: ${missing}`);
    return { name: 'rotation', figures: [], raw: { postgres: { skipped: missing } } };
  }
  const numbers = Array.from({ length: options.inFlight }, (_, index) => index + 1);
  // A COMMIT is on disk before it is answered, as where people run it.
  const server = await startPostgresServer({ settings: { fsync: 'on' } });
  close.add(() => server.stop());
  const owner = new Client({ connectionString: server.adminUrl });
  await owner.connect();
  close.add(() => owner.end());
  for (const n of numbers)
    await owner.query(
      `create role g_${n} nologin; create role r_${n}_a nologin in role g_${n}; create role r_${n}_b nologin in role g_${n}; create role s_${n} login`,
    );

  const subjects = {
    keybaton: await keybatonOn(close, server, numbers),
    openbao: await openBaoOn(close, server, numbers),
  };
  // The first of keybaton's makes what the others replace.
  for (let round = 0; round < 2; round += 1) await once(subjects.keybaton);
  await once(subjects.openbao);
  const before = await marks(owner);

  const turns: readonly (readonly [string, number])[] = [
    ['oneAfterTheOther', 1],
    ['inFlight', options.inFlight],
  ];
  const measured: Record<string, { readonly lanes: number; readonly load: number; readonly pairs: readonly Pair[] }> =
    {};
  for (const [turn, lanes] of turns) {
    const pairs: Pair[] = [];
    for (let index = 0; index < options.blocks; index += 1) {
      const openbao = await block(subjects.openbao, server, { lanes, seconds: options.seconds });
      await wait(500);
      pairs.push({ openbao, keybaton: await block(subjects.keybaton, server, { lanes, seconds: options.seconds }) });
      await wait(500);
    }
    measured[turn] = { lanes, load: loadavg()[0] ?? NaN, pairs };
  }
  await seenAtPostgres(owner, before, numbers);
  return {
    name: 'rotation',
    figures: Object.values(measured).flatMap(({ lanes, pairs }) => figuresOf(lanes, pairs)),
    raw: { postgres: { consumers: 'none', inFlight: options.inFlight, seconds: options.seconds, ...measured } },
  };
}

const once = (subject: Subject): Promise<unknown> => Promise.all(subject.lanes.map((lane) => lane()));

/** keybaton as people run it, its ledger and the embedded vault in files. */
async function keybatonOn(close: Closing, server: PostgresServer, numbers: readonly number[]): Promise<Subject> {
  const admin = JSON.stringify({ username: server.adminUser, password: server.adminPassword });
  const stage = await openStage(close, { BENCH_ADMIN: admin });
  const ids = numbers.map((n) => parseCredentialId(`postgres-roles/bench/app-${n}`));
  await stage.apply(
    `targets:
${numbers
  .map(
    (n) =>
      `  db-${n}: { provider: postgres-roles, environment: bench, admin: 'env:BENCH_ADMIN', teams: [bench], settings: { host: ${server.host}, port: ${server.port}, database: postgres, group: g_${n}, pair: [r_${n}_a, r_${n}_b], tls: 'off' } }`,
  )
  .join('\n')}
backends:
  vault: { kind: embedded, settings: { file: ${join(stage.home, 'vault.sqlite')} } }
`,
    `teams: [bench]
credentials:
${ids
  .map(
    (id, index) =>
      `  ${id}: { target: db-${index + 1}, team: bench, schedule: { every: 90d }, backends: [vault], consumers: { none: what is measured is keybaton }, silence: { no: what is measured is keybaton }, soak: 0s }`,
  )
  .join('\n')}
`,
  );
  const worker = await stage.startWorker();
  const temporal = await connectTemporal(stage.temporal);
  close.add(() => temporal.close());
  const ports = await openPorts({ ...process.env, ...stage.environment });
  close.add(() => ports.close());
  return {
    lanes: ids.map((credential) => async () => {
      await rotate(ports, { credential, actor: 'bench', why: 'measured' });
      const result: unknown = await temporal.client.workflow.getHandle(`rotation/${credential}`).result();
      const outcome = typeof result === 'object' && result !== null && 'outcome' in result ? result.outcome : undefined;
      if (outcome !== 'rotated') throw new Error(`a rotation ended as ${String(outcome)}`);
    }),
    processes: { worker: worker.pid, temporal: stage.temporal.process.pid },
  };
}

/** OpenBao's static roles; the first password it replaces must be refused at once, and the next one taken. */
async function openBaoOn(close: Closing, server: PostgresServer, numbers: readonly number[]): Promise<Subject> {
  const roles = numbers.map((n) => `s_${n}`);
  const logFile = '/dev/null';
  const openbao = await openStaticRoles(close, { server, roles, logFile });
  const [first = ''] = roles;
  const replaced = await openbao.read(first);
  await openbao.rotate(first);
  if (await letsIn(server, replaced)) throw new Error('rotate-role left the old password alive');
  if (!(await letsIn(server, await openbao.read(first))))
    throw new Error('rotate-role gave out a password that is refused');
  return { lanes: roles.map((role) => () => openbao.rotate(role)), processes: { openbao: openbao.pid } };
}

async function block(
  subject: Subject,
  server: PostgresServer,
  { lanes, seconds }: { readonly lanes: number; readonly seconds: number },
): Promise<Block> {
  const processes = { ...subject.processes, postgres: server.process().pid };
  const used = (): Record<string, number> => {
    const { user, system } = process.cpuUsage();
    const others = Object.entries(processes).map(([name, pid]) => [name, processorSecondsOfAll(pid)] as const);
    return { ...Object.fromEntries(others), asking: (user + system) / 1_000_000 };
  };
  const before = used();
  const began = performance.now();
  const until = began + seconds * 1_000;
  const times: number[] = [];
  await Promise.all(
    subject.lanes.slice(0, lanes).map(async (lane) => {
      while (performance.now() < until) {
        const asked = performance.now();
        await lane();
        times.push(performance.now() - asked);
      }
    }),
  );
  const lasted = (performance.now() - began) / 1_000;
  const after = used();
  const processor = Object.entries(after).map(
    ([name, value]) => [name, ((value - (before[name] ?? NaN)) * 1_000) / times.length] as const,
  );
  return {
    many: times.length,
    perSecond: times.length / lasted,
    p50: percentile(times, 0.5),
    processor: Object.fromEntries(processor),
  };
}

function figuresOf(lanes: number, pairs: readonly Pair[]): readonly Figure[] {
  const how = lanes === 1 ? 'one after the other' : `${lanes} in flight`;
  const middle = (of: (pair: Pair) => number): number => median(pairs.map(of));
  const figure = (what: string, unit: string, of: (pair: Pair) => number): Figure => ({
    what: `PostgreSQL, ${how}: ${what}`,
    value: middle(of),
    unit,
  });
  const processor = (who: keyof Pair, name: string) => (pair: Pair) => pair[who].processor[name] ?? NaN;
  return [
    figure('keybaton', '/s', ({ keybaton }) => keybaton.perSecond),
    figure("OpenBao's rotate-role", '/s', ({ openbao }) => openbao.perSecond),
    figure('OpenBao beside keybaton', 'times', ({ keybaton, openbao }) => openbao.perSecond / keybaton.perSecond),
    figure('keybaton, p50', 'ms', ({ keybaton }) => keybaton.p50),
    figure('OpenBao, p50', 'ms', ({ openbao }) => openbao.p50),
    figure('processor of the worker, a rotation', 'ms', processor('keybaton', 'worker')),
    figure('processor of Temporal, a rotation', 'ms', processor('keybaton', 'temporal')),
    figure('processor of PostgreSQL, a rotation by keybaton', 'ms', processor('keybaton', 'postgres')),
    figure('processor of OpenBao, a rotation', 'ms', processor('openbao', 'openbao')),
    figure('processor of PostgreSQL, a rotation by OpenBao', 'ms', processor('openbao', 'postgres')),
  ];
}

/** What stands at the logins of keybaton: whether each lets somebody in, and its mark. */
async function marks(owner: Client): Promise<ReadonlyMap<string, { readonly login: boolean; readonly mark: string }>> {
  const { rows } = await owner.query<{ name: string; login: boolean; mark: string | null }>(
    `select rolname as name, rolcanlogin as login, shobj_description(oid, 'pg_authid') as mark from pg_roles where rolname ~ '^r_\\d+_[ab]$'`,
  );
  return new Map(rows.map(({ name, login, mark }) => [name, { login, mark: mark ?? '' }]));
}

/** Asked of PostgreSQL itself: of each pair one login lives, under a mark it did not have before, and the other is dead. */
async function seenAtPostgres(
  owner: Client,
  before: Awaited<ReturnType<typeof marks>>,
  numbers: readonly number[],
): Promise<void> {
  const now = await marks(owner);
  for (const n of numbers) {
    const pair = [`r_${n}_a`, `r_${n}_b`].map((name) => ({ ...now.get(name), was: before.get(name)?.mark }));
    const living = pair.filter(({ login }) => login === true);
    const dead = pair.filter(({ login, mark }) => login === false && mark?.endsWith(':dead'));
    if (living.length !== 1 || dead.length !== 1 || living.some(({ mark, was }) => mark === was))
      throw new Error(`the logins of app-${n} are not as a rotation leaves them`);
  }
}

async function letsIn(server: PostgresServer, login: { readonly username: string; readonly password: string }) {
  const client = new Client({
    host: server.host,
    port: server.port,
    database: 'postgres',
    user: login.username,
    password: login.password,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch (thrown) {
    if (typeof thrown === 'object' && thrown !== null && 'code' in thrown && thrown.code === '28P01') return false;
    throw thrown;
  } finally {
    await client.end().catch(() => undefined);
  }
}
