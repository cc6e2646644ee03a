import type { Entry } from '../../domain/entry.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { checked, entryText, targetsText } from './reading.ts';
import { also, none, plain } from './refusal.ts';
import type { Refusal } from './refusal.ts';

/** What an entry may demand, and how both files must be written. */
export const refusalsOfDemands: readonly Refusal[] = [
  {
    what: 'acknowledged in mode automatic',
    files: { inventory: entryText('consumers: [{ name: web, demand: acknowledged }]') },
    says: 'inventory.yml:6:30 credentials.in-memory/prod/bot.consumers[0].demand: acknowledged is not enough for mode automatic',
  },
  {
    what: 'evidence too weak for a critical entry',
    files: { inventory: entryText('tier: critical', 'consumers: [{ name: web, demand: observed-read }]') },
    says: 'credentials.in-memory/prod/bot.consumers[0].demand: too weak for tier critical: expected endpoint-reported or stronger',
  },
  {
    what: 'an expiry shorter than two intervals and the longest hold',
    files: { targets: targetsText.replace('environment: prod\n', 'environment: prod\n    expiry: 180d\n') },
    says: 'credentials.in-memory/prod/bot.schedule: too long for the expiry of its target (180 d)',
  },
  {
    what: 'dependents that go in a circle',
    files: {
      inventory:
        entryText(none, 'dependents: [in-memory/prod/two]') +
        also('in-memory/prod/two', ...plain, 'dependents: [in-memory/prod/three]') +
        also('in-memory/prod/three', ...plain, 'dependents: [in-memory/prod/bot]'),
    },
    says: 'dependents go in a circle: in-memory/prod/bot -> in-memory/prod/two -> in-memory/prod/three -> in-memory/prod/bot',
  },
  {
    what: 'a circle through the entry of another team',
    files: {
      inventory: entryText(none, 'dependents: [in-memory/prod/theirs]'),
      others: [theirs({ dependents: [parseCredentialId('in-memory/prod/bot')] })],
    },
    says: 'credentials.in-memory/prod/bot.dependents[0]: dependents go in a circle: in-memory/prod/bot -> in-memory/prod/theirs -> in-memory/prod/bot',
  },
  {
    what: 'a circle through the id that an entry had before',
    files: {
      inventory: entryText(none, 'movedFrom: in-memory/prod/old', 'dependents: [in-memory/prod/theirs]'),
      others: [theirs({ dependents: [parseCredentialId('in-memory/prod/old')] })],
    },
    says: 'dependents go in a circle: in-memory/prod/bot -> in-memory/prod/theirs -> in-memory/prod/bot',
  },
  {
    what: "a dependent of another team whose target does not allow the entry's",
    files: {
      inventory: entryText(none, 'dependents: [in-memory/prod/theirs]'),
      others: [theirs({ target: 'gone' })],
    },
    says: 'credentials.in-memory/prod/bot.dependents[0]: belongs to team support: an entry of team search may name it only when target gone allows that team too',
  },
  {
    what: 'dependents that do not exist',
    files: { inventory: entryText(none, 'dependents: [in-memory/prod/ghost]') },
    says: 'credentials.in-memory/prod/bot.dependents[0]: no such entry',
  },
  {
    what: 'apartFrom an entry that does not exist',
    files: { inventory: entryText(none, 'apartFrom: [in-memory/prod/ghost]') },
    says: 'credentials.in-memory/prod/bot.apartFrom[0]: no such entry',
  },
  {
    what: 'apartFrom itself',
    files: { inventory: entryText(none, 'apartFrom: [in-memory/prod/bot]') },
    says: 'credentials.in-memory/prod/bot.apartFrom[0]: an entry cannot name itself here',
  },
  {
    what: 'movedFrom an entry that still stands in the file',
    files: { inventory: entryText(none, 'movedFrom: in-memory/prod/old') + also('in-memory/prod/old', ...plain) },
    says: 'credentials.in-memory/prod/bot.movedFrom: in-memory/prod/old still stands in this file',
  },
  {
    what: 'two entries that moved from the same one',
    files: {
      inventory:
        entryText(none, 'movedFrom: in-memory/prod/old') +
        also('in-memory/prod/two', ...plain, 'movedFrom: in-memory/prod/old'),
    },
    says: 'credentials.in-memory/prod/two.movedFrom: in-memory/prod/bot says it moved from there too',
  },
  {
    what: 'an id that belongs to a team of another file',
    files: { others: checked({}).entries.map((one) => ({ ...one, team: 'support', backends: [] })) },
    says: 'credentials.in-memory/prod/bot: this id belongs to team support',
  },
  {
    what: 'a probe that is not named in targets.yml',
    files: { inventory: entryText('consumers: [{ name: web, probe: https-evil }]') },
    says: 'credentials.in-memory/prod/bot.consumers[0].probe: no such probe at target memory: expected one of health',
  },
  {
    what: "a probe address of the inventory's own",
    files: { inventory: entryText('consumers: [{ name: web, probe: "https://evil.example" }]') },
    says: 'credentials.in-memory/prod/bot.consumers[0].probe: expected a name of a-z',
  },
  {
    what: 'endpoint-reported without a probe',
    files: { inventory: entryText('consumers: [{ name: web, demand: endpoint-reported }]') },
    says: 'credentials.in-memory/prod/bot.consumers[0].demand: endpoint-reported needs a probe',
  },
  {
    what: 'a probe over plain http to another machine',
    files: { targets: targetsText.replace('https://search', 'http://search') },
    says: 'targets.memory.probes.health: expected an https address',
  },
  {
    what: 'an unknown provider',
    files: {
      targets: targetsText.replace(
        'provider: in-memory\n    environment: test',
        'provider: openay\n    environment: test',
      ),
    },
    says: 'targets.elsewhere.provider: no such provider: expected one of anthropic, aws-bedrock-api-key,',
  },
  {
    what: 'an unknown kind of backend',
    files: { targets: targetsText.replace('kind: in-memory', 'kind: valt') },
    says: 'backends.vault.kind: no such kind of backend: expected one of aws-secrets-manager, azure-key-vault,',
  },
  {
    what: 'a setting that the provider does not have',
    files: { targets: targetsText.replace('environment: test', 'environment: test\n    settings: { lagg: 3 }') },
    says: 'targets.elsewhere.settings.lagg: unrecognized key',
  },
  {
    what: 'two credentials on one pair of slots',
    files: {
      inventory:
        entryText(none).replace('target: memory', 'target: pair') +
        also('in-memory/prod/two', 'target: pair', 'team: search', none),
    },
    says: 'credentials.in-memory/prod/two.target: this target belongs to one credential, and in-memory/prod/bot has it',
  },
  {
    what: 'more keys than a target has room for',
    files: {
      targets: targetsText.replace('environment: prod\n', 'environment: prod\n    settings: { maxLive: 2 }\n'),
      inventory: entryText(none, 'standby: true'),
    },
    says: 'credentials.in-memory/prod/bot.target: this target may hold 2 live keys, and its entries need 3',
  },
  {
    what: 'more keys than a target has room for, counting the standbys of other teams',
    files: {
      targets: targetsText.replace('environment: prod\n', 'environment: prod\n    settings: { maxLive: 4 }\n'),
      others: [theirs({ standby: true })],
    },
    says: 'credentials.in-memory/prod/bot.target: this target may hold 4 live keys, and its entries need 5 (two each, three with a standby): in-memory/prod/bot, in-memory/prod/theirs',
  },
  {
    what: 'a standby on a pair of slots',
    files: { inventory: entryText(none, 'standby: true').replace('target: memory', 'target: pair') },
    says: 'credentials.in-memory/prod/bot.standby: this target has two slots, for the old version and the new: there is none for a standby',
  },
  {
    what: 'the policy standby on a pair of slots',
    files: { inventory: entryText(none, 'emergency: { policy: standby }').replace('target: memory', 'target: pair') },
    says: 'credentials.in-memory/prod/bot.emergency.policy: this target has two slots',
  },
  {
    what: 'a leaked version that may live on for longer than an hour',
    files: { inventory: entryText(none, 'emergency: { policy: replace-first, bound: 61m }') },
    says: 'credentials.in-memory/prod/bot.emergency.bound: a leaked version may live on for at most 60 min after it was declared',
  },
  {
    what: 'a field that the material does not have',
    files: { inventory: entryText(none, 'backends: [{ backend: vault, fields: { KEY: "{api_kee}" } }]') },
    says: 'credentials.in-memory/prod/bot.backends[0].fields: field KEY asks for {api_kee}',
  },
  {
    what: 'the same consumer twice',
    files: { inventory: entryText('consumers: [{ name: web }, { name: web, kind: job }]') },
    says: 'credentials.in-memory/prod/bot.consumers[1].name: this consumer stands twice',
  },
  {
    what: 'the policy standby without a standby',
    files: { inventory: entryText(none, 'emergency: { policy: standby }', 'standby: false') },
    says: 'credentials.in-memory/prod/bot.standby: the emergency policy is standby',
  },
  {
    what: 'an unknown key, naming the known ones',
    files: { inventory: entryText(none, 'sillence: 3h') },
    says: 'inventory.yml:7:5 credentials.in-memory/prod/bot.sillence: unknown key: expected one of target, team',
  },
  {
    what: 'a missing key',
    files: { inventory: entryText() },
    says: 'inventory.yml:3:3 credentials.in-memory/prod/bot.consumers: missing: expected a list of consumers',
  },
  {
    what: 'a number where a duration is meant',
    files: { inventory: entryText(none, 'soak: 90') },
    says: 'credentials.in-memory/prod/bot.soak: expected a duration such as',
  },
  {
    what: 'consumers: none without a reason',
    files: { inventory: entryText('consumers: { none: "" }') },
    says: 'credentials.in-memory/prod/bot.consumers.none: expected a reason in words',
  },
  {
    what: 'a window that no week has',
    files: { inventory: entryText(none, 'schedule: { window: mon-fri 9-17 }') },
    says: 'credentials.in-memory/prod/bot.schedule.window: expected "mon-fri 09:00-17:00"',
  },
  {
    what: 'a freeze on a day that no calendar has',
    files: { inventory: entryText(none, 'schedule: { freeze: 2026-02-30 }') },
    says: 'credentials.in-memory/prod/bot.schedule.freeze: expected "2026-12-20 to 2027-01-04"',
  },
];

/** An entry of another team, as it was applied before. */
function theirs(changes: Partial<Entry>): Entry {
  const [bot] = checked({}).entries;
  if (bot === undefined) throw new Error('no entry');
  const place = { backend: 'vault', path: 'ai/theirs', fields: undefined };
  return { ...bot, id: parseCredentialId('in-memory/prod/theirs'), team: 'support', backends: [place], ...changes };
}
