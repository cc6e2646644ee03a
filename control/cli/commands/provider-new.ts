import { KeybatonError } from '../../../domain/errors.ts';
import type { Command } from '../command.ts';
import { beginProvider, checkProviderName } from '../provider-template.ts';

export const providerNewCommand: Command = {
  name: 'provider new',
  summary: 'Begin a provider adapter of your own, which passes the conformance kit at once',
  about:
    'Writes the adapter, its test and its page, and keybaton.config.mts where there is none. The adapter keeps the contract against a vendor that is only pretended; REPLACE marks what is yours to change. A vendor with plain HTTP calls needs no code: declare it in YAML. Nothing is written over.',
  arguments: [{ name: 'name', about: 'as targets.yml will name it: lower-case letters, digits, hyphens' }],
  options: [{ flags: '--out <folder>', about: 'where to write (default: here)' }],
  answers: ['provider', 'folder', 'files', 'add'],
  examples: [
    { line: 'keybaton provider new acme && node --test acme.test.mts', about: 'begin, and hold it to the contract' },
    { line: 'keybaton provider new acme-ai --out adapters', about: 'into another folder, made when absent' },
  ],
  async run({ environment, output }, given) {
    const name = given.argument(0);
    checkProviderName(name);
    const testing = await environment.providerTesting?.();
    if ((await testing?.ships(name)) === true) {
      throw new KeybatonError('INVALID_CONFIG', `keybaton ships a provider ${name}: give yours another name`);
    }
    const folder = given.text('out') ?? '.';
    const { files, add } = await beginProvider(name, folder);
    output.answer({ provider: name, folder, files, add }, () =>
      [
        `written to ${folder}: ${files.join(', ')}`,
        ...(add === undefined
          ? []
          : ['add to keybaton.config.mts, the second line under providers:', ...indented(add)]),
        'then, in that folder:',
        ...indented([`node --test ${name}.test.mts`, 'export KEYBATON_CONFIG=$PWD/keybaton.config.mts']),
      ].join('\n'),
    );
    return 0;
  },
};

const indented = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`);
