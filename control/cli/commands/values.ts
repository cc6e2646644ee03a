import { KeybatonError } from '../../../domain/errors.ts';
import type { CredentialId } from '../../../domain/identifiers.ts';
import { agreedOnHost } from '../../access/agreed-on-host.ts';
import { entryScope } from '../../operations/entry-scope.ts';
import { importVersion } from '../../operations/import.ts';
import { materialShape } from '../../operations/material-shape.ts';
import { supply } from '../../operations/supply.ts';
import { importOperation } from '../../operations/table/import.ts';
import { supplyFieldsOperation, supplyOperation } from '../../operations/table/supply.ts';
import type { Command, CommandContext } from '../command.ts';
import type { CliPorts } from '../environment.ts';
import { readMaterial, readSecretFields } from '../read-material.ts';

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
    const done = context.remote ? await supplyAfar(context, credential) : await supplyHere(context, credential);
    context.output.answer(done, () => `${credential}: taken as ${done.version}\nnext: keybaton status ${credential}`);
    return 0;
  },
};

async function supplyHere(context: CommandContext, credential: CredentialId) {
  const ports = await context.ports();
  const material = await readMaterial(context, await materialShape(ports, credential));
  return supply(ports, { credential, material, actor: context.actor });
}

/** The value is asked for once it is known that the API may stage it: else it would travel for nothing. */
async function supplyAfar(context: CommandContext, credential: CredentialId) {
  const { fields, elsewhere } = await context.call(supplyFieldsOperation, { credential });
  if (elsewhere !== null)
    throw new KeybatonError(
      'UNSUPPORTED',
      `the API may write into no backend of ${credential}: on the host of a worker type: ${elsewhere}`,
    );
  return context.call(supplyOperation, { credential, fields: await readSecretFields(context, { fields }) });
}

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
    const refId = given.text('ref');
    // Before a value is asked for: the API takes none.
    if (context.remote) {
      const how = { cannotRevoke: given.flag('cannotRevoke'), ...(refId === undefined ? {} : { ref: refId }) };
      await context.call(importOperation, { credential, ...how });
    }
    const ports = await context.ports();
    await agreedToReplace(context, ports, { credential, cannotRevoke: given.flag('cannotRevoke'), ref: refId });
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

/** Consumers read another value from then on, which nobody has proved: where people sign in, two of them look at it before. */
async function agreedToReplace(
  { environment, actor }: CommandContext,
  { ledger }: CliPorts,
  { credential, ref, ...how }: { credential: CredentialId; cannotRevoke: boolean; ref: string | undefined },
): Promise<void> {
  const access = await environment.openAccess?.();
  if (access === undefined) return;
  const { entry, epochs } = await ledger.facts(credential);
  const [newest] = epochs;
  if (newest === undefined) return;
  const { epoch, version } = newest;
  await agreedOnHost({
    access,
    operation: importOperation,
    input: { credential, ...how, ...(ref === undefined ? {} : { ref }) },
    reach: { kind: 'entries', entries: [entryScope(entry)] },
    why: `it takes the place of version ${version}, which consumers read now`,
    looked: { epoch, version },
    by: actor,
  });
}
