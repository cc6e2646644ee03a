import { KeybatonError } from '../../../domain/errors.ts';
import { rotateVaultKey } from '../../operations/rotate-vault-key.ts';
import type { Command } from '../command.ts';
import { count } from '../text.ts';

export const vaultRotateKeyCommand: Command = {
  name: 'vault rotate-key',
  summary: 'Change the key of an embedded vault while everything goes on',
  about:
    'Makes a new key, seals everything in the vault anew under it, and drops the former key last. Workers, API and consumers go on. After an interruption run it again: it goes on where it was. It also wraps the key under the master key that is configured now, which is how a master key is changed (docs/backends/embedded.md). Run it on the host of the vault.',
  arguments: [
    { name: 'backend', about: 'as targets.yml names it; without it the only embedded vault', optional: true },
  ],
  answers: ['backend', 'key', 'dropped', 'rows', 'wentOn'],
  examples: [
    { line: 'keybaton vault rotate-key', about: 'the only embedded vault' },
    { line: 'keybaton vault rotate-key own', about: 'one of several' },
  ],
  async run({ output, ports, actor, signal }, given) {
    const open = await ports();
    if (open.vaultKeys === undefined)
      throw new KeybatonError('UNSUPPORTED', 'the key of a vault is changed where its file lies: run this on its host');
    const changed = await rotateVaultKey(open, open.vaultKeys, { backend: given.optionalArgument(0), actor, signal });
    output.answer(changed, () => {
      const { backend, key, dropped, rows, wentOn } = changed;
      const former = dropped.length === 0 ? 'no key was dropped' : `dropped ${dropped.join(', ')}`;
      return [
        ...(wentOn ? [`${backend}: went on with a change that had been interrupted`] : []),
        `${backend}: key ${key}; ${count(rows, 'row')} sealed anew, ${former}`,
      ].join('\n');
    });
    return 0;
  },
};
