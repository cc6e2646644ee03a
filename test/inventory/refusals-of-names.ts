import { z } from 'zod';
import { consumer } from '../support/entries.ts';
import { checked, entryText, targetsText } from './reading.ts';
import type { Files } from './reading.ts';
import { also, none, plain } from './refusal.ts';
import type { Refusal } from './refusal.ts';

const anything = z.unknown();

const proved = 'consumers: [{ name: keybaton, demand: possession }]';

/** What an entry may name, and where it may live. */
export const refusalsOfNames: readonly Refusal[] = [
  {
    what: 'a target of another environment than the id says',
    files: { inventory: entryText(none).replace('target: memory', 'target: elsewhere') },
    says: 'inventory.yml:4:5 credentials.in-memory/prod/bot.target: a target belongs to one environment: this one is of test, and the id says prod',
  },
  {
    what: 'one target in two environments',
    files: { inventory: entryText(none) + also('in-memory/test/bot', ...plain) },
    says: 'credentials.in-memory/test/bot.target: a target belongs to one environment',
  },
  {
    what: 'two entries that render to one backend location',
    files: {
      inventory:
        entryText(none, 'backends: [{ backend: vault, path: ai/same }]') +
        also('in-memory/prod/other', ...plain, 'backends: [{ backend: vault, path: ai/same }]'),
    },
    says: 'credentials.in-memory/prod/other.backends[0]: renders to the same backend location as in-memory/prod/bot',
  },
  {
    what: 'two names of one store that meet at one path',
    files: {
      targets: `${targetsText}  again: { kind: in-memory }\n`,
      inventory: entryText(none, 'backends: [vault, again]'),
    },
    says: 'credentials.in-memory/prod/bot.backends[1]: this entry names the same backend location twice',
  },
  {
    what: 'a location that an entry of another team has',
    files: {
      others: checked({ inventory: entryText(none).replaceAll('bot', 'theirs') }).entries.map((one) => ({
        ...one,
        team: 'support',
        backends: [{ backend: 'vault', path: 'ai/prod/providers/in-memory/keys/bot', fields: undefined }],
      })),
    },
    says: 'renders to the same backend location as in-memory/prod/theirs',
  },
  {
    what: 'a silence that the provider cannot show',
    files: {
      inventory: entryText(none, 'silence: 1h'),
      adapters: blindAdapters(),
    },
    says: 'credentials.in-memory/prod/bot.silence: this target does not tell when a key was last used',
  },
  {
    what: 'a target that does not exist',
    files: { inventory: entryText(none).replace('target: memory', 'target: memori') },
    says: 'credentials.in-memory/prod/bot.target: no such target in targets.yml: expected one of elsewhere, memory, pair',
  },
  {
    what: 'a backend that does not exist',
    files: { inventory: entryText(none, 'backends: [volt]') },
    says: 'inventory.yml:7:16 credentials.in-memory/prod/bot.backends[0]: no such backend in targets.yml: expected one of vault',
  },
  {
    what: 'no backend where targets.yml names several',
    files: { targets: `${targetsText}  second: { kind: embedded, settings: { file: /x } }\n` },
    says: 'credentials.in-memory/prod/bot.backends: expected a list of backends, since targets.yml names 2: second, vault',
  },
  {
    what: 'a team that the file does not list',
    files: { inventory: entryText(none).replace('team: search', 'team: serach') },
    says: 'credentials.in-memory/prod/bot.team: not one of the teams at the top of this file: expected one of search',
  },
  {
    what: 'a target that does not allow the team',
    files: { inventory: entryText(none).replaceAll('search', 'support') },
    says: 'credentials.in-memory/prod/bot.target: this target does not allow the team of this entry: it allows search',
  },
  {
    what: 'a path outside the prefixes of the target',
    files: { inventory: entryText(none, 'backends: [{ backend: vault, path: aix/prod/bot }]') },
    says: 'credentials.in-memory/prod/bot.backends[0]: its target allows only paths below ai/',
  },
  {
    what: 'a path that climbs out of its prefix',
    files: { inventory: entryText(none, 'backends: [{ backend: vault, path: ai/../root }]') },
    says: 'credentials.in-memory/prod/bot.backends[0].path: expected a path such as',
  },
  {
    what: 'odd characters in an id',
    files: { inventory: entryText(none).replace('in-memory/prod/bot', '"in-memory/prod/b\\u001b[2Jot"') },
    says: 'credentials."in-memory/prod/b\\u001b[2Jot": not a credential id: expected provider/environment/application',
  },
  {
    what: 'an id with too few parts',
    files: { inventory: entryText(none).replace('in-memory/prod/bot', 'prod/bot') },
    says: 'credentials.prod/bot: not a credential id',
  },
  {
    what: 'an id of another provider than its target',
    files: { inventory: entryText(none).replace('in-memory/prod', 'openai/prod') },
    says: 'credentials.openai/prod/bot.target: this target is of provider in-memory, and the id says openai',
  },
  {
    what: 'an admin reference that lives only in a backend holding the same credential',
    files: {
      targets: targetsText.replace('admin: env:ADMIN\n', 'admin: vault:vault/admin/memory#token\n'),
    },
    says: 'credentials.in-memory/prod/bot.target: the admin credential of this target can be read only from a backend that holds this credential',
  },
  {
    what: 'an admin credential that is itself kept only where the credential is kept',
    files: {
      targets: withRoots(''),
      inventory: entryText(none) + rootEntry('replace-first'),
    },
    says: 'credentials.in-memory/prod/bot.target: the admin credential of this target can be read only from a backend that holds this credential',
  },
  {
    what: 'an admin reference in a backend that another name of the same store opens',
    files: {
      targets: `${targetsText.replace('admin: env:ADMIN\n', 'admin: vault:again/admin/memory#token\n')}  again: { kind: in-memory }\n`,
      inventory: entryText(none, 'backends: [vault]'),
    },
    says: 'credentials.in-memory/prod/bot.target: the admin credential of this target can be read only from a backend that holds this credential',
  },
  {
    what: 'an admin reference in a backend that only a backend holding the credential can open',
    files: {
      targets: `${targetsText.replace('admin: env:ADMIN\n', 'admin: vault:safe/admin/memory#token\n')}  safe: { kind: embedded, settings: { file: /x }, admin: "vault:vault/admin/safe#token" }\n`,
      inventory: entryText(none, 'backends: [vault]'),
    },
    says: 'credentials.in-memory/prod/bot.target: the admin credential of this target can be read only from a backend that holds this credential',
  },
  {
    what: 'an admin credential that is revoked first, with no second one',
    files: {
      targets: withRoots(`  safe: { kind: embedded, settings: { file: /x } }\n`),
      inventory: entryText(none, 'backends: [vault]') + rootEntry('revoke-first', 'backends: [safe]'),
    },
    says: 'credentials.in-memory/prod/root.emergency: it opens target memory, where nothing could be killed once it is revoked: its policy must be replace-first, or the target needs a secondAdmin',
  },
  {
    what: 'an admin credential of another team that is revoked first, where targets.yml names it',
    files: {
      targets: withRoots(''),
      inventory: entryText(none),
      others: checked({
        targets: withRoots('').replace('credential:in-memory/prod/root', 'env:ADMIN'),
        inventory: 'teams: [search]\ncredentials:\n' + rootEntry('revoke-first', '', none),
      }).entries.map((one) => ({
        ...one,
        team: 'support',
        backends: [{ backend: 'far', path: 'ai/far', fields: undefined }],
        consumers: [consumer('keybaton')],
      })),
    },
    says: 'targets.memory.admin: it opens target memory',
  },
  {
    what: 'an admin credential that keybaton need not prove',
    files: {
      targets: withRoots(`  safe: { kind: embedded, settings: { file: /x } }\n`),
      inventory: entryText(none, 'backends: [vault]') + rootEntry('replace-first', 'backends: [safe]', none),
    },
    says: 'credentials.in-memory/prod/root.consumers: in-memory/prod/root opens target memory, so keybaton must prove that the new version works there',
  },
  {
    what: 'keybaton as the consumer of what opens no target',
    files: { inventory: entryText('consumers: [{ name: keybaton, demand: possession }]') },
    says: 'credentials.in-memory/prod/bot.consumers: the consumer keybaton is keybaton itself',
  },
  {
    what: 'a second admin credential that does not exist',
    files: {
      targets: targetsText.replace(
        'admin: env:ADMIN\n',
        'admin: env:ADMIN\n    secondAdmin: credential:in-memory/prod/ghost\n',
      ),
    },
    says: 'targets.memory.secondAdmin: names a credential that no inventory has',
  },
  {
    what: 'an admin secret in the place of a reference, without repeating it',
    files: { targets: targetsText.replace('admin: env:ADMIN\n', 'admin: sk-live-4711\n') },
    says: 'targets.memory.admin: expected a reference to an admin credential, never the credential itself',
  },
  {
    what: 'a backend opened by a credential that only it holds',
    files: {
      targets: targetsText.replace('{ kind: in-memory }', '{ kind: in-memory, admin: "vault:vault/admin#token" }'),
    },
    says: 'backends.vault.admin: a backend cannot hold the credential that opens it',
  },
];

/** Target `memory` is opened by a credential that keybaton rotates too, on a target of its own. */
function withRoots(more: string): string {
  const roots = '  roots: { provider: in-memory, environment: prod, admin: env:ROOT, teams: [search] }\n  pair:';
  return (
    targetsText.replace('admin: env:ADMIN\n', 'admin: credential:in-memory/prod/root\n').replace('  pair:', roots) +
    more
  );
}

function rootEntry(policy: string, backends = '', consumers = proved): string {
  const lines = ['target: roots', 'team: search', consumers, `emergency: { policy: ${policy} }`, backends];
  return also('in-memory/prod/root', ...lines.filter((line) => line !== ''));
}

/** An in-memory provider without a last-use signal. */
function blindAdapters(): NonNullable<Files['adapters']> {
  const known = { fields: ['value'], value: 'value' };
  return {
    targetSchemas: { 'in-memory': anything, 'in-memory-slots': anything },
    backendSchemas: { 'in-memory': anything },
    traits: () => ({
      topology: 'n-keys',
      maxLive: undefined,
      usage: undefined,
      tagged: true,
      expiry: false,
      material: known,
    }),
  };
}
