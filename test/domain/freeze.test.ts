import { describe, expect, it } from 'vitest';
import type { VersionFacts } from '../../domain/facts.ts';
import { freezable, frozenFrom } from '../../domain/freeze.ts';
import type { Freeze } from '../../domain/freeze.ts';
import { credential, current, entry, facts, former, version, versionId } from './facts.ts';

const issue = (changes: Partial<VersionFacts['intents'][number]> = {}): VersionFacts['intents'][number] => ({
  effect: 'issue',
  place: 'project',
  until: 50,
  outcome: undefined,
  ref: undefined,
  ...changes,
});

const all = [
  former('a', { fate: 'dead' }),
  former('b'),
  current('c'),
  version('d', { fate: 'standby' }),
  version('e', { fate: 'pending' }),
  version('f', { fate: 'doomed', drill: true }),
  version('g', { fate: 'doomed', spent: true }),
  version('h', { fate: 'released', everCurrent: true }),
];

const frozen = (which: Freeze, versions = all, emergency = entry().emergency) =>
  frozenFrom(facts({ entry: entry({ emergency }), versions }), which, 1_000);
const ids = (which: Freeze): readonly string[] => frozen(which).map((one) => one.version);
const named = (letters: string): readonly string[] => [...letters].map(versionId);

describe('the frozen set', () => {
  it('in use is what consumers may have: the current version and every former one that is not dead', () => {
    expect(ids('in use')).toEqual(named('bcg'));
  });

  it('every is all that is not dead: spares, versions in the making, drills and those given up', () => {
    expect(ids('every')).toEqual(named('bcdefgh'));
  });

  it('carries the survivor that must be accepted where it is refused, and none that dies too', () => {
    const backends = [{ backend: 'vault', path: 'p', fields: undefined }];
    const controlOf = (which: Freeze, changes: Partial<VersionFacts> = {}) =>
      frozenFrom(
        facts({
          entry: entry({ backends }),
          versions: [former('b'), current('c', { fingerprint: 'print-c', ...changes })],
        }),
        which,
        0,
      ).map(({ control }) => control);
    const survivor = { version: versionId('c'), places: backends, fingerprint: 'print-c' };
    expect(controlOf([versionId('b')])).toEqual([survivor]);
    expect(controlOf([versionId('c')])).toEqual([undefined]);
    expect(controlOf('in use')).toEqual([undefined, undefined]);
    expect(controlOf([versionId('b')], { compromised: true })).toEqual([undefined]);
    expect(controlOf([versionId('b')], { target: 'another' })).toEqual([undefined]);
  });

  it('by id is exactly these, without the dead', () => {
    expect(ids([versionId('f'), versionId('a'), versionId('h')])).toEqual(named('fh'));
  });

  it('names handles that may live, those of creates that may still come among them, and until when', () => {
    const intended = { id: 'role', mark: 'ours:c' };
    const [one] = frozen('every', [
      current('c', {
        refs: [
          { ref: { id: 'old' }, gone: true },
          { ref: { id: 'key' }, gone: false },
        ],
        intents: [
          issue({ ref: intended }),
          issue({ place: 'b', until: 70, ref: { id: 'key' } }),
          issue({ place: 'c', until: 99, outcome: 'done' }),
        ],
      }),
    ]);
    expect(one).toMatchObject({ refs: [{ id: 'key' }, intended], lateUntil: 70 });
  });

  it('looks for copies where the entry puts them and where they were left', () => {
    const fields = { KEY: '{api_key}' };
    const copy = { backend: 'vault', path: 'old', as: 'staged' as const, epoch: undefined, gone: false };
    const copies = [
      copy,
      { ...copy, as: 'main' as const },
      { ...copy, path: 'erased', gone: true },
      { ...copy, path: 'new' },
    ];
    const backends = [{ backend: 'vault', path: 'new', fields }];
    const [one] = frozenFrom(facts({ entry: entry({ backends }), versions: [current('c', { copies })] }), 'in use', 0);
    expect(one?.places).toEqual([...backends, { backend: 'vault', path: 'old', fields: undefined }]);
  });

  it.each([
    ['revoke-first', 0],
    ['standby', 30_000],
    ['replace-first', 7],
  ] as const)('under %s is killed %d ms after the declaration at the latest', (policy, after) => {
    const [former, current] = frozen('in use', all, { policy, bound: 7 });
    for (const one of [former, current]) expect(one).toMatchObject({ policy, killAt: 1_000 + after });
  });

  it('does not wait for what no consumer ever had', () => {
    const waiting = frozen('every', all, { policy: 'replace-first', bound: 7 }).filter((one) => one.killAt > 1_000);
    expect(waiting.map((one) => one.version)).toEqual(named('bch'));
  });

  it('is the same from JSON that lost what is undefined, and leaves out what is no id', () => {
    const given = facts({ versions: all });
    const kept: unknown = JSON.parse(JSON.stringify(freezable(given)));
    // What was written a moment ago.
    const sheet = kept as ReturnType<typeof freezable>;
    expect(frozenFrom(sheet, 'every', 5)).toEqual(frozenFrom(given, 'every', 5));
    expect(frozenFrom({ ...sheet, credential: '../x' }, 'every', 5)).toEqual([]);
    const [first] = sheet.versions;
    if (first === undefined) throw new Error('nothing is kept');
    expect(frozenFrom({ ...sheet, versions: [{ ...first, version: 'x' }] }, 'every', 5)).toEqual([]);
    expect(sheet.credential).toBe(credential);
  });

  it('waits for a version of which an older sheet does not say that nobody had it', () => {
    const from = freezable(
      facts({ entry: entry({ emergency: { policy: 'replace-first', bound: 7 } }), versions: all }),
    );
    const older = { ...from, versions: from.versions.map(({ everCurrent: _lost, ...rest }) => rest) };
    const killAt = new Map(frozenFrom(older, 'every', 0).map((one) => [one.version, one.killAt]));
    expect([killAt.get(versionId('g')), killAt.get(versionId('d'))]).toEqual([7, 0]);
  });
});
