// A process of its own that uses the same embedded vault: `embedded-rival.ts FILE promote NAME | hang-in-promote VERSION`.
import { randomBytes } from 'node:crypto';
import { embeddedBackend } from '../../backends/embedded.ts';
import { embeddedVault } from '../../backends/embedded/vault.ts';
import { codeOf } from '../../domain/errors.ts';
import { parseVersionId, type VersionId, versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { testPlace as place } from './in-memory-subject.ts';

const [file = '', what, argument = ''] = process.argv.slice(2);
const vault = embeddedVault(file, () => new Uint8Array(32).fill(1));
const backend = embeddedBackend('vault', vault);
const call = () => ({ signal: new AbortController().signal, deadline: Date.now() + 60_000, now: () => Date.now() });
const envelope = () => ({
  version: versionIdFrom(randomBytes(64)),
  ref: { id: argument },
  material: new SecretMaterial({ api_key: `canary-rival-${argument}` }, 'api_key'),
});

/** Again while another process holds the lock longer than one call waits: the machine may be busy. */
async function patiently(attempt: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await attempt();
    } catch (thrown) {
      if (codeOf(thrown) !== 'UNAVAILABLE') throw thrown;
    }
  }
}

if (what === 'promote') {
  for (let round = 0; round < 10; round += 1) {
    const made = envelope();
    await patiently(() => backend.stage(place, made, call()));
    await patiently(async () => {
      const { main } = await backend.describe(place, call());
      const [epoch, expected] = main.kind === 'ours' ? [main.epoch, main.version] : [0, undefined];
      // Losing the race to a rival is the compare-and-set at work.
      await backend
        .promote(place, { version: made.version, epoch: epoch + 1, expected }, call())
        .catch((thrown: unknown) => {
          if (codeOf(thrown) !== 'CONFLICT') throw thrown;
        });
    });
  }
  vault.close();
}

if (what === 'hang-in-promote') {
  const made = envelope();
  await backend.stage(place, made, call());
  vault.write(call(), (store) => {
    const fields = { api_key: 'half-written', keybaton_version: made.version, keybaton_epoch: '2' };
    store.addGeneration(place, fields, 0);
    process.stdout.write(`inside ${parseVersionId(argument)}\n`);
    // The row is written and not committed: here the test kills this process.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
}

// Writes and reads on until it is told to stop on standard input: every value must be the one that was written.
if (what === 'go-on') {
  let told = false;
  process.stdin.once('data', () => {
    told = true;
  });
  const mine = { ...place, path: `${place.path}-${argument}` };
  let rounds = 0;
  let expected: VersionId | undefined;
  for (; !told; rounds += 1) {
    const made = envelope();
    await patiently(() => backend.stage(mine, made, call()));
    await patiently(() => backend.promote(mine, { version: made.version, epoch: rounds + 1, expected }, call()));
    await patiently(async () => {
      const { material } = await backend.read(mine, made.version, call());
      if (material.revealValue() !== made.material.revealValue()) throw new Error('another value came back');
      const { version } = await backend.read(mine, 'current', call());
      if (version !== made.version) throw new Error('another version is current');
    });
    expected = made.version;
    if (rounds === 0) process.stdout.write('going on\n');
    await new Promise((resolve) => setImmediate(resolve));
  }
  vault.close();
  process.stdout.write(JSON.stringify({ rounds }));
  process.stdin.destroy();
}
