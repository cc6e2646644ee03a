// A process of its own that changes the key of an embedded vault: `embedded-key-change.ts FILE [STEP]`. At STEP it says so and hangs.
import { embeddedVault } from '../../backends/embedded/vault.ts';

const [file = '', stopAt] = process.argv.slice(2);
const vault = embeddedVault(file, () => new Uint8Array(32).fill(1));
const call = { signal: new AbortController().signal, deadline: Date.now() + 60_000, now: () => Date.now() };
const changed = await vault.changeKey(call, (step) => {
  if (step !== stopAt) return;
  process.stdout.write(`${step}\n`);
  // Here the test kills this process.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});
vault.close();
process.stdout.write(JSON.stringify(changed));
