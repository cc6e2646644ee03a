import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runCli } from '../../../control/cli/main.ts';
import { plantKey } from '../../../providers/in-memory/world.ts';
import { openIncidentPorts } from '../../../worker/open-incident-ports.ts';
import { bot, drillRig, type DrillRig } from '../../worker/drill-rig.ts';

let rig: DrillRig;
beforeEach(async () => {
  rig = await drillRig();
  plantKey(rig.world, { id: 'hand-made', value: 'value-made-by-hand', at: Date.now() });
}, 30_000);
afterEach(() => rig.close());

async function type(line: readonly string[], typed: readonly string[] = []) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const stdin = Readable.from(typed.map((text) => Buffer.from(text)));
  const [out, err] = [stdout.setEncoding('utf8').toArray(), stderr.setEncoding('utf8').toArray()];
  const exit = await runCli(line, {
    openPorts: rig.open,
    openIncidentPorts: () => openIncidentPorts(rig.environment),
    processes: { worker: async () => 1, api: async () => 1, up: async () => 1 },
    ...{ stdin, stdout, stderr, user: 'ada', signal: AbortSignal.timeout(30_000) },
  });
  stdout.end();
  stderr.end();
  return { exit, said: [...(await out), ...(await err)].join('') };
}

const adopt = (key: string, value: string) => type(['reconcile', '--adopt', key, '--as', bot], [`${value}\n`]);
const versions = async () => (await rig.facts()).versions.map(({ id, refs }) => [id, refs.map(({ ref }) => ref.id)]);

it('adopts an unmanaged key that it finds: it is the current version of that credential from then on', async () => {
  const before = await type(['reconcile', '--target', 'memory']);
  expect(before.exit).toBe(8);
  expect(before.said).toMatch(/unmanaged {2}hand-made.*--adopt hand-made --as <credential>/);
  const { exit, said } = await adopt('hand-made', 'value-made-by-hand');
  expect([exit, said]).toEqual([0, expect.stringMatching(/hand-made: adopted as kb\w{30}, current of /)]);
  expect(said).not.toContain('value-made-by-hand');
  const { epochs, versions: known } = await rig.facts();
  const current = known.find(({ id }) => id === epochs[0]?.version);
  expect(current?.refs.map(({ ref }) => ref.id)).toEqual(['hand-made']);
  expect((await type(['reconcile', '--target', 'memory'])).said).toContain('2 keys of ours');
});

it('adopts nothing by a value that is not that key', async () => {
  const before = await versions();
  expect((await adopt('hand-made', 'value-of-another')).exit).not.toBe(0);
  expect(await versions()).toEqual(before);
});

it('adopts no key that is not there, nor one that is ours already, and then asks for no value', async () => {
  for (const key of ['nowhere', 'current']) {
    const { exit, said } = await type(['reconcile', '--adopt', key, '--as', bot]);
    expect([exit, said]).toEqual([4, expect.stringContaining(`no key ${key} at target memory waits to be adopted`)]);
  }
});

it('wants to know whose it becomes, and where that is', async () => {
  expect((await type(['reconcile', '--adopt', 'hand-made'])).said).toContain('say both');
  const elsewhere = await type(['reconcile', '--adopt', 'hand-made', '--as', bot, '--target', 'elsewhere']);
  expect(elsewhere.said).toContain(`${bot} is at target memory, not at elsewhere`);
});
