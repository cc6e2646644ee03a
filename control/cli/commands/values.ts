import { importVersion } from '../../operations/import.ts';
import { materialShape } from '../../operations/material-shape.ts';
import { supply } from '../../operations/supply.ts';
import type { Command } from '../command.ts';
import { readMaterial } from '../read-material.ts';

const one = [{ name: 'credential', about: 'provider/environment/application' }];

export const supplyCommand: Command = {
  name: 'supply',
  summary: 'Hand over a value that only a person can make, at a hidden prompt or on standard input',
  about:
    'For providers without an API that makes keys. The value is checked, stored and verified; one that fails is erased, never revoked.',
  arguments: one,
  takesSecret: true,
  answers: ['credential', 'version', 'told'],
  examples: [
    { line: 'keybaton supply anthropic/prod/search', about: 'asks, and does not show what you paste' },
    { line: 'keybaton supply anthropic/prod/search < new-key.txt', about: 'from a file; delete it afterwards' },
  ],
  async run(context, given) {
    const credential = given.credential();
    const ports = await context.ports();
    const material = await readMaterial(context, await materialShape(ports, credential));
    const done = await supply(ports, { credential, material, actor: context.actor });
    context.output.answer(done, () => `${credential}: taken as ${done.version}\nnext: keybaton status ${credential}`);
    return 0;
  },
};

export const importCommand: Command = {
  name: 'import',
  summary: 'Bring a key that exists already under management',
  about:
    'The value comes from a hidden prompt or standard input. With --ref keybaton can kill it later; with --cannot-revoke only a person can, and that stays visible for ever.',
  arguments: one,
  options: [
    { flags: '--ref <id>', about: "the provider's id of the key (never its value)" },
    { flags: '--cannot-revoke', about: 'nobody can find it at the provider' },
  ],
  takesSecret: true,
  answers: ['credential', 'version', 'cannotRevoke'],
  examples: [
    { line: 'keybaton import openai/prod/support-bot --ref key_abc123', about: 'asks for the value' },
    { line: 'keybaton import openai/prod/old-bot --cannot-revoke < old-key.txt', about: 'a key whose owner is gone' },
  ],
  async run(context, given) {
    const credential = given.credential();
    const ports = await context.ports();
    const refId = given.text('ref');
    const material = await readMaterial(context, await materialShape(ports, credential));
    const done = await importVersion(ports, {
      credential,
      material,
      cannotRevoke: given.flag('cannotRevoke'),
      actor: context.actor,
      ...(refId === undefined ? {} : { refId }),
    });
    context.output.answer(done, () =>
      [
        `${credential}: imported as ${done.version}`,
        ...(done.cannotRevoke
          ? ['only a person can kill it, at the provider: this stays visible until somebody has']
          : []),
        `next: keybaton rotate ${credential} --wait`,
      ].join('\n'),
    );
    return 0;
  },
};
