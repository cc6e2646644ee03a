import { describe, expect, test } from 'vitest';
import { commands } from '../../../control/cli/commands.ts';
import { adviceCodes } from '../../../control/operations/advise/advice.ts';
import type { AdviceCode } from '../../../control/operations/advise/advice.ts';
import { adviceRules } from '../../../control/operations/advise/rules.ts';
import type { KnownCredential, KnownTarget } from '../../../control/operations/advise/world.ts';
import type { Fate } from '../../../domain/lifecycle.ts';
import type { KeyAdvice } from '../../../domain/key-advice.ts';
import type { TargetTraits } from '../../../inventory/adapters.ts';
import { bot, consumer, credential, dev, hour, now, target, version } from './advice-world.ts';
import type { CredentialParts, TargetParts } from './advice-world.ts';

const keyless: KeyAdvice = { keyless: { by: 'an identity', page: 'https://vendor.example/identity' } };
const slack = { fact: 'it is open', fix: 'close it' };
const same = (fate: Fate) => version({ fate, fingerprint: 'kb1:p:same' });
const signal = { usage: { kind: 'timestamp', lag: hour } };
const atTarget = (parts: TargetParts, more: CredentialParts = {}): KnownCredential =>
  credential({ target: target(parts), ...more });

interface Row {
  readonly code: AdviceCode;
  readonly where: string;
  readonly credentials?: readonly KnownCredential[];
  readonly targets?: readonly KnownTarget[];
  /** Words of the facts, one of each advice. */
  readonly facts: readonly string[];
}

const rows: readonly Row[] = [
  {
    code: 'no-key-needed',
    where: 'no key was made yet',
    credentials: [atTarget({ advice: keyless })],
    facts: ['no key was made yet (ledger)'],
  },
  { code: 'no-key-needed', where: 'the vendor documents nothing', credentials: [atTarget({})], facts: [] },
  {
    code: 'no-key-needed',
    where: 'the entry is being retired',
    credentials: [atTarget({ advice: keyless }, { status: 'retiring' })],
    facts: [],
  },
  { code: 'shared-key', where: 'one consumer', credentials: [credential()], facts: [] },
  {
    code: 'shared-key',
    where: 'nobody',
    credentials: [credential({ entry: { consumers: { none: 'a reason' } } })],
    facts: [],
  },
  {
    code: 'shared-key',
    where: 'three consumers',
    credentials: [credential({ entry: { consumers: ['a', 'b', 'c'].map((name) => consumer(name)) } })],
    facts: ['3 consumers hold one key: a (service), b (service) and c (service) (inventory)'],
  },
  {
    code: 'one-value-twice',
    where: 'two of one credential',
    credentials: [credential({ versions: [same('doomed'), same('current')] })],
    facts: [],
  },
  {
    code: 'one-value-twice',
    where: 'the other one is dead',
    credentials: [
      credential({ versions: [same('current')] }),
      credential({ id: dev, versions: [same('dead'), version()] }),
    ],
    facts: [],
  },
  {
    code: 'one-value-twice',
    where: 'the other one is doomed, so its kill would cut off',
    credentials: [
      credential({ versions: [same('current')] }),
      credential({ id: dev, versions: [same('doomed'), version()] }),
    ],
    facts: ['doomed as'],
  },
  {
    code: 'one-value-twice',
    where: 'the other entry is being retired',
    credentials: [
      credential({ versions: [same('current')] }),
      credential({ id: dev, status: 'retiring', versions: [same('current')] }),
    ],
    facts: ['current as'],
  },
  {
    code: 'one-value-twice',
    where: 'no fingerprint is known',
    credentials: [credential({ versions: [version()] }), credential({ id: dev, versions: [version()] })],
    facts: [],
  },
  {
    code: 'no-end',
    where: 'it was imported',
    credentials: [atTarget({ traits: { expiry: true } }, { versions: [version()], why: 'imported' })],
    facts: ['has no end (ledger: it was imported), and vendor can give it one'],
  },
  {
    code: 'no-end',
    where: 'the provider gives none',
    credentials: [atTarget({}, { versions: [version()] })],
    facts: [],
  },
  {
    code: 'no-end',
    where: 'a person can give one',
    credentials: [atTarget({ advice: { endByHand: 'say one' } }, { versions: [version()] })],
    facts: ['has no end'],
  },
  {
    code: 'no-end',
    where: 'it has one',
    credentials: [atTarget({ traits: { expiry: true } }, { versions: [version({ expiresAt: now + hour })] })],
    facts: [],
  },
  { code: 'no-end', where: 'there is no key', credentials: [atTarget({ traits: { expiry: true } })], facts: [] },
  {
    code: 'no-limit',
    where: 'settings are open',
    targets: [target({ advice: { unlimited: [slack] } })],
    facts: ['it is open (targets.yml)'],
  },
  {
    code: 'no-limit',
    where: 'nobody names the target',
    targets: [target({ advice: { unlimited: [slack] }, credentials: [] })],
    facts: [],
  },
  {
    code: 'wide-scope',
    where: 'two settings are wide',
    targets: [target({ advice: { wide: [slack, slack] } })],
    facts: ['it is open', 'it is open'],
  },
  { code: 'wide-scope', where: 'a limit is open', targets: [target({ advice: { unlimited: [slack] } })], facts: [] },
  {
    code: 'place-in-two-environments',
    where: 'one place, one environment',
    targets: [target({ advice: { place: 'p' } }), target({ name: 'two', advice: { place: 'p' } })],
    facts: [],
  },
  {
    code: 'place-in-two-environments',
    where: 'one name at two vendors',
    targets: [
      target({ advice: { place: 'p' } }),
      target({ name: 'two', environment: 'dev', provider: 'other', advice: { place: 'p' } }),
    ],
    facts: [],
  },
  {
    code: 'place-in-two-environments',
    where: 'places that settings do not tell apart',
    targets: [target(), target({ name: 'two', environment: 'dev' })],
    facts: [],
  },
  {
    code: 'place-in-two-environments',
    where: 'three targets, two environments',
    targets: [
      target({ advice: { place: 'p' } }),
      target({ name: 'two', advice: { place: 'p' } }),
      target({ name: 'three', environment: 'dev', advice: { place: 'p' } }),
    ],
    facts: ['one (prod), two (prod) and three (dev) are one place: vendor p (targets.yml)'],
  },
  {
    code: 'place-in-two-environments',
    where: 'a credential of another environment',
    targets: [target({ credentials: [bot, dev] })],
    facts: ['it is of prod (targets.yml), and vendor/dev/bot names it (inventory)'],
  },
  {
    code: 'admin-in-two-environments',
    where: 'the second admin of one is the first of another',
    targets: [target({ secondAdmin: 'env:X' }), target({ name: 'two', environment: 'dev', admin: 'env:X' })],
    facts: ['one (prod) and two (dev) use one admin credential: env:X'],
  },
  {
    code: 'admin-in-two-environments',
    where: 'one environment',
    targets: [target({ admin: 'env:X' }), target({ name: 'two', admin: 'env:X' })],
    facts: [],
  },
  ...(['acknowledged', 'observed-read', 'rolled-out', 'endpoint-reported', 'possession'] as const).map(
    (demand): Row => ({
      code: 'weak-proof',
      where: `${demand} is demanded`,
      credentials: [credential({ entry: { consumers: [consumer('web', demand)] } })],
      facts: demand === 'acknowledged' || demand === 'observed-read' ? [`web must show ${demand} alone`] : [],
    }),
  ),
  {
    code: 'nobody-proves',
    where: 'the list is empty',
    credentials: [credential({ entry: { consumers: [] } })],
    facts: ['the list of consumers is empty (inventory), so every revocation is held'],
  },
  { code: 'nobody-proves', where: 'somebody does', credentials: [credential()], facts: [] },
  {
    code: 'silence-not-asked',
    where: 'the provider has no signal',
    credentials: [credential({ entry: { silence: { no: 'a reason' } } })],
    facts: [],
  },
  { code: 'silence-not-asked', where: 'silence is asked for', credentials: [atTarget({ traits: signal })], facts: [] },
  {
    code: 'silence-not-asked',
    where: 'the provider has a signal',
    credentials: [atTarget({ traits: signal }, { entry: { silence: { no: 'a reason' } } })],
    facts: [
      'silence of the old key is not asked for: "a reason" (inventory), and vendor shows its last use by timestamp, at most 60 min late',
    ],
  },
  {
    code: 'never-proved',
    where: 'one rotation alone',
    credentials: [credential({ unproved: new Map([['web', [1]]]) })],
    facts: [],
  },
  {
    code: 'never-proved',
    where: 'three rotations',
    credentials: [credential({ unproved: new Map([['web', [5, 4, 2]]]) })],
    facts: ['web owed possession in 3 rotations and never proved: epochs 2, 4 and 5 (ledger)'],
  },
  {
    code: 'never-proved',
    where: 'a consumer of before',
    credentials: [credential({ unproved: new Map([['gone', [5, 4]]]) })],
    facts: [],
  },
  {
    code: 'unknown-target',
    where: 'the adapter is not here',
    targets: [target({ traits: undefined })],
    facts: ['provider vendor is not known here'],
  },
  {
    code: 'unknown-target',
    where: 'nobody names the target',
    targets: [target({ traits: undefined, credentials: [] })],
    facts: [],
  },
];

describe('the rules', () => {
  test.each(rows.map((row) => [row.code, row.where, row] as const))('%s: %s', (code, _where, row) => {
    const found = adviceRules[code]({ now, credentials: row.credentials ?? [], targets: row.targets ?? [] });
    expect(found.map(({ fact }) => fact)).toEqual(row.facts.map((words) => expect.stringContaining(words)));
  });

  test('are all in the table above', () => {
    expect([...new Set(rows.map(({ code }) => code))].sort()).toEqual(Object.keys(adviceCodes).sort());
  });

  test('name in their fixes only commands that there are', () => {
    const names = new Set(commands.map(({ name }) => name.split(' ')[0]));
    const fixes = rows.flatMap(({ code, credentials = [], targets = [] }) =>
      adviceRules[code]({ now, credentials, targets }).map(({ fix }) => fix),
    );
    const named = fixes.flatMap((fix) => [...fix.matchAll(/keybaton ([a-z-]+)/g)].map(([, name]) => name));
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((name) => !names.has(name))).toEqual([]);
  });

  test('send keys that share a pair, or carry no mark, to targets of their own', () => {
    const three = { consumers: [consumer('a'), consumer('b'), consumer('c')] };
    const fixOf = (traits: Partial<TargetTraits>) =>
      adviceRules['shared-key']({ now, targets: [], credentials: [atTarget({ traits }, { entry: three })] })[0]?.fix;
    expect(fixOf({})).toContain('at target one');
    expect(fixOf({ tagged: false })).toContain('each with a target of its own in targets.yml');
    expect(fixOf({ topology: 'dual-slot' })).toContain('each with a target of its own in targets.yml');
  });
});
