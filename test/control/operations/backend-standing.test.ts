import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseCredentialId } from '../../../domain/identifiers.ts';
import { newVersion, oneEntry, oneTarget, openBench, type Bench } from '../bench.ts';

const bot = parseCredentialId('in-memory/prod/bot');
const who = { credential: bot, consumer: 'web', instance: 'one' };
let bench: Bench;

beforeEach(async () => {
  bench = await openBench();
  bench.ports.checks.writeOnly = async () => new Set(['actions']);
  const entry = oneEntry.replace('    consumers:', '    backends: [vault, actions]\n    consumers:');
  const applied = await bench.apply(
    entry,
    `${oneTarget}  actions:\n    kind: embedded\n    settings: { file: ./vault.db }\n`,
  );
  expect([applied.exit, applied.stderr]).toEqual([0, '']);
});
afterEach(() => bench.close());

interface Shown {
  readonly backends: readonly { readonly backend: string; readonly standing: string }[];
}
const standings = ({ backends }: Shown) => backends.map(({ backend, standing }) => `${backend} ${standing}`);

/** What each of the three says in JSON; they must agree. */
async function said(): Promise<readonly string[]> {
  const show = standings((await bench.json(['show', bot])) as Shown);
  const status = standings((await bench.json(['status', bot])) as Shown);
  const { credentials } = (await bench.json(['list'])) as { credentials: readonly Shown[] };
  expect([status, ...credentials.map(standings)]).toEqual([show, show]);
  return show;
}

async function prove(): Promise<void> {
  await bench.ledger.beat({ ...who, boot: 'first', lease: 600_000 });
  await bench.ledger.prove({ ...who, epoch: 1, kind: 'possession', actor: 'consumer:web' });
}

test('a backend that can only be written to is unknown until every consumer has proved the newest epoch', async () => {
  await bench.promote(bot);
  expect(await said()).toEqual(['vault in-sync', 'actions unknown']);
  await prove();
  expect(await said()).toEqual(['vault in-sync', 'actions in-sync']);
  await bench.promote(bot);
  expect(await said()).toEqual(['vault in-sync', 'actions unknown']);
});

test('a backend where drift was seen is behind, or foreign where the value is not ours', async () => {
  await bench.promote(bot);
  await prove();
  await bench.ledger.alarm({ credential: bot, key: 'drift/vault', text: 'something else', page: true });
  expect(await said()).toEqual(['vault behind', 'actions in-sync']);
  await bench.ledger.alarm({ credential: bot, key: 'foreign/vault', text: 'not ours', page: true });
  expect(await said()).toEqual(['vault foreign', 'actions in-sync']);
});

test('a backend is unknown from the decision until it is recorded that it shows the new epoch', async () => {
  await bench.promote(bot, 'r1');
  await prove();
  await bench.end(bot, 'r1', 'rotated');
  const version = newVersion();
  const { entry, now } = await bench.ledger.facts(bot);
  const copies = entry.backends.map(({ backend, path }) => ({ backend, path }));
  const baseline = { place: 'here', live: [], at: now };
  await bench.ledger.startRun({ credential: bot, run: 'r2', reason: 'test', actor: 'os:ada' });
  await bench.ledger.planVersion({ credential: bot, version, target: entry.target, as: 'pending', baseline });
  await bench.ledger.intend({ version, effect: 'issue', place: 'here', within: 1_000 });
  const ref = { id: 'key-2' };
  await bench.ledger.issued({ version, ref, fingerprint: 'kb1:p:2', copies, proofKey: new Uint8Array(32) });
  await bench.ledger.decide({ credential: bot, version, expectedEpoch: 1, why: 'due', run: 'r2' });
  expect(await said()).toEqual(['vault unknown', 'actions unknown']);
  const shown = copies.find(({ backend }) => backend === 'vault') ?? expect.fail('there is no such copy');
  await bench.ledger.promoted({ version, epoch: 2, ...shown });
  expect(await said()).toEqual(['vault in-sync', 'actions unknown']);
});

test('people read it in status, show and list', async () => {
  await bench.promote(bot);
  const text = async (...line: string[]) => (await bench.run(line)).stdout;
  expect(await text('status', bot)).toMatch(/backend +vault: in-sync\n +backend +actions: unknown\n/);
  expect(await text('show', bot)).toMatch(/vault \S+\s+\(in-sync\),\s+actions\s+\S+\s+\(unknown\)/);
  expect(await text('list')).toMatch(/BACKENDS[^\n]*\n[^\n]*1 in-sync, actions unknown/);
});
