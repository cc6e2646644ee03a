import { errorTable, KeybatonError } from '../../../domain/errors.ts';
import { SecretMaterial } from '../../../domain/secret-material.ts';
import type { Command, CommandContext } from '../command.ts';
import { readMaterial } from '../read-material.ts';
import { count } from '../text.ts';

const shape = { fields: ['api_key'], value: 'api_key' };

export const providerTestCommand: Command = {
  name: 'provider test',
  summary: 'Hold a provider declared in YAML to the provider contract',
  about:
    'Reads the declaration and runs the conformance kit against the address: keys are made, disabled and killed there, so the place must be empty, and of nobody else. The admin credential comes from the environment variable that --admin names, else from a hidden prompt or standard input; targets.yml is not read.',
  arguments: [{ name: 'file', about: 'the declaration' }],
  options: [
    { flags: '--against <url>', about: 'the address that stands for every host of the declaration' },
    { flags: '--settings <file>', about: 'YAML with what targets.yml says under settings, without hosts' },
    { flags: '--admin <reference>', about: 'env:NAME, the variable that holds the admin credential' },
  ],
  answers: ['provider', 'passed', 'failed', 'tests'],
  examples: [
    {
      line: 'keybaton provider test acme.yml --against http://127.0.0.1:4010 --admin env:ACME_TEST_KEY',
      about: 'against a server on this machine',
    },
    {
      line: 'keybaton provider test acme.yml --against https://sandbox.acme.example --settings sandbox.yml < key.txt',
      about: 'the admin credential from standard input',
    },
  ],
  async run(context, given) {
    const { environment, output } = context;
    const testing = await environment.providerTesting?.();
    if (testing === undefined)
      throw new KeybatonError('UNSUPPORTED', 'this process has no conformance kit: run keybaton itself');
    const file = given.argument(0);
    const against = given.required('against', 'the address to test against');
    const { name } = await testing.read(file);
    const tests = await testing.run({
      ...{ file, against, settings: given.text('settings'), signal: context.signal },
      admin: await adminOf(context, given.text('admin')),
      ended: ({ name: test, passed, why }) =>
        output.note(`${passed ? 'passed' : 'FAILED'}  ${test}${why ? `: ${why}` : ''}`),
    });
    const failed = tests.filter(({ passed }) => !passed).length;
    output.answer({ provider: name, passed: tests.length - failed, failed, tests }, () =>
      failed === 0
        ? `${name} keeps the contract: ${count(tests.length, 'test')} passed`
        : `${name} does not keep the contract: ${failed} of ${count(tests.length, 'test')} failed`,
    );
    return failed === 0 ? 0 : errorTable.VERIFICATION_FAILED.exit;
  },
};

async function adminOf(context: CommandContext, reference: string | undefined): Promise<SecretMaterial> {
  if (reference === undefined) return readMaterial(context, shape);
  const variable = /^env:([A-Za-z_][A-Za-z0-9_]{0,127})$/.exec(reference)?.[1];
  if (variable === undefined) {
    throw new KeybatonError(
      'INVALID_CONFIG',
      'expected --admin env:NAME: a secret is never given as an argument, which other users of this machine can read. if you gave one, treat it as leaked',
    );
  }
  const value = context.environment.variable?.(variable);
  if (value === undefined || value === '') throw new KeybatonError('NOT_FOUND', `env:${variable} is not set`);
  return new SecretMaterial({ api_key: value }, 'api_key');
}
