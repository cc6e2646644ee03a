import { resolve } from 'node:path';
import { bundleText, writeBundle } from '../../operations/kill-by-hand.ts';
import { bundleOperation } from '../../operations/table/kill-switch.ts';
import type { Command } from '../command.ts';
import { count } from '../text.ts';

export const bundleCommand: Command = {
  name: 'kill-sheet bundle',
  summary: 'Print how to kill every key with no keybaton at all',
  about:
    'Console address, key id and exact command of each key that may live; no secret. Made from the kill sheet on this machine alone, with KEYBATON_URL from the one of the API. The schedule writes it every night: keep a copy where you can read it while everything is down.',
  options: [{ flags: '--out <file>', about: 'write it there (mode 0600) instead of printing it' }],
  answers: ['installation', 'n', 'at', 'credentials'],
  examples: [
    { line: 'keybaton kill-sheet bundle', about: 'print it' },
    { line: 'keybaton kill-sheet bundle --out /mnt/safe/kill-by-hand.md', about: 'for the safe' },
  ],
  async run({ output, call }, given) {
    const file = given.text('out');
    const bundle = await call(bundleOperation, {});
    if (file === undefined) {
      output.answer(bundle, () => bundleText(bundle));
      return 0;
    }
    const done = await writeBundle(bundle, { file: resolve(file) });
    output.answer(done, () => `${done.file}: ${count(done.keys, 'key')} of ${count(done.credentials, 'credential')}`);
    return 0;
  },
};
