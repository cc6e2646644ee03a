import { describe, expect, test } from 'vitest';
import { checked, entryText, onlyEntry, targetsText } from './reading.ts';

const day = 86_400_000;
const hour = 3_600_000;

describe('an entry', () => {
  test('gets every default of its tier', () => {
    expect(onlyEntry({ inventory: entryText('consumers: [{ name: web }]') })).toEqual({
      id: 'in-memory/prod/bot',
      target: 'memory',
      team: 'search',
      contact: undefined,
      groups: [],
      tier: 'standard',
      mode: 'automatic',
      schedule: { every: 90 * day, jitter: 0, windows: [] },
      backends: [{ backend: 'vault', path: 'ai/prod/providers/in-memory/keys/bot', fields: undefined }],
      consumers: [
        { name: 'web', kind: 'service', demand: 'possession', deadline: day, without: 'hold', probe: undefined },
      ],
      silence: { for: 6 * hour },
      soak: 6 * hour,
      emergency: { policy: 'revoke-first', bound: 600_000 },
      standby: false,
      dependents: [],
      apartFrom: [],
      movedFrom: undefined,
    });
  });

  test('of tier critical asks a person before it revokes', () => {
    const entry = onlyEntry({ inventory: entryText('tier: critical', 'consumers: [{ name: web }]') });
    expect([entry.mode, entry.soak, entry.consumers]).toEqual([
      'ask',
      day,
      [expect.objectContaining({ demand: 'possession', deadline: 4 * hour })],
    ]);
  });

  test('may say that it has no consumers, with the reason', () => {
    expect(onlyEntry({ inventory: entryText('consumers: { none: nobody reads it yet }') }).consumers).toEqual({
      none: 'nobody reads it yet',
    });
  });

  test('with the policy standby keeps a standby', () => {
    expect(onlyEntry({ inventory: entryText('consumers: []', 'emergency: { policy: standby }') }).standby).toBe(true);
  });

  test('gets its path from the template of its backend', () => {
    const targets = targetsText.replace(
      '{ kind: in-memory }',
      '{ kind: in-memory, path: "ai/providers/{provider}/keys/{application}" }',
    );
    expect(onlyEntry({ targets }).backends).toEqual([
      { backend: 'vault', path: 'ai/providers/in-memory/keys/bot', fields: undefined },
    ]);
  });

  test('may have moved from an entry that is gone', () => {
    expect(onlyEntry({ inventory: entryText('consumers: []', 'movedFrom: in-memory/prod/old') }).movedFrom).toBe(
      'in-memory/prod/old',
    );
  });

  test('may keep apart from, and name as dependent, an entry of another team', () => {
    const others = checked({ inventory: entryText('consumers: []').replaceAll('bot', 'theirs') }).entries.map(
      (one) => ({ ...one, team: 'support' }),
    );
    const inventory = entryText(
      'consumers: []',
      'apartFrom: [in-memory/prod/theirs]',
      'dependents: [in-memory/prod/theirs]',
    );
    expect(onlyEntry({ inventory, others }).apartFrom).toEqual(['in-memory/prod/theirs']);
  });

  test('reads its admin reference from a vault that does not hold it', () => {
    const targets = `${targetsText.replace('admin: env:ADMIN\n', 'admin: vault:second/admin#token\n')}  second: { kind: embedded, settings: { file: /x } }\n`;
    expect(onlyEntry({ targets, inventory: entryText('consumers: []', 'backends: [vault]') }).target).toBe('memory');
  });

  test('may live in two backends under one path', () => {
    const targets = `${targetsText}  second: { kind: embedded, settings: { file: /x } }\n`;
    expect(
      onlyEntry({ targets, inventory: entryText('consumers: []', 'backends: [vault, second]') }).backends,
    ).toHaveLength(2);
  });

  test('has windows and freezes in UTC', () => {
    const { schedule } = onlyEntry({
      inventory: entryText(
        'consumers: []',
        'schedule: { window: [mon 09:00 to tue 10:00, sun 22:00-02:00], freeze: [2026-12-24, 2026-12-30 to 2027-01-02] }',
      ),
    });
    expect(schedule.windows).toEqual([
      { from: 540, to: 1440 + 600 },
      { from: 6 * 1440 + 1320, to: 7 * 1440 },
      { from: 0, to: 120 },
    ]);
    expect(schedule.freezes).toEqual([
      { from: Date.UTC(2026, 11, 24), to: Date.UTC(2026, 11, 25) },
      { from: Date.UTC(2026, 11, 30), to: Date.UTC(2027, 0, 3) },
    ]);
  });

  test('of a file without entries is none: every entry of its teams is to be retired', () => {
    expect(checked({ inventory: 'teams: [search]\ncredentials: {}\n' }).entries).toEqual([]);
  });
});
