// Loaded into a worker before anything else (`node --import`): breaks the code on purpose, to show that a storm notices.
// KEYBATON_STORM_FAULT names the fault.

import { registerHooks } from 'node:module';

const faultySilence = `export const silenceMissing = (..._given) => undefined;
function unused(`;

/** File, what stands there, what is put in its place. */
const faults = {
  // GATE's line 4, for whoever asks for it: an old key that is still in use counts as silent.
  'no-silence': [['/domain/gate.ts', 'export function silenceMissing(', faultySilence]],
};

const changes = faults[process.env.KEYBATON_STORM_FAULT] ?? [];
if (changes.length === 0) throw new Error(`no fault is called ${process.env.KEYBATON_STORM_FAULT}`);

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    const here = changes.filter(([file]) => url.endsWith(file));
    if (here.length === 0) return loaded;
    let source = String(loaded.source);
    for (const [file, there, instead] of here) {
      if (!source.includes(there)) throw new Error(`the fault does not fit ${file} any more`);
      source = source.replaceAll(there, instead);
    }
    return { ...loaded, source };
  },
});
