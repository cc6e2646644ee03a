import { describe, expect, it } from 'vitest';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { reconcileTarget, type KeptKey, type ListedKey } from '../../domain/reconcile.ts';
import { versionId } from './facts.ts';

const now = 1_000_000;
const installation = 'ours1234';
const ref = { id: 'key-a' };
const tag = { installation, version: versionId('a') };

const kept = (changes: Partial<KeptKey> = {}): KeptKey => ({
  credential: parseCredentialId('openai/prod/bot'),
  version: versionId('a'),
  fate: 'current',
  refs: [{ ref, gone: false }],
  issued: true,
  suspended: false,
  compromised: false,
  createdAt: 0,
  expiresAt: undefined,
  intentUntil: 0,
  running: false,
  ...changes,
});
const listed = (changes: Partial<ListedKey> = {}): ListedKey => ({ ref, tag, disabled: false, ...changes });

const compare = (keys: readonly KeptKey[], live: readonly ListedKey[], ignored: readonly { id: string }[] = []) =>
  reconcileTarget({ installation, settle: 1_000, now, kept: keys, listed: live, ignored });
const standing = (keys: readonly KeptKey[], live: ListedKey, ignored: readonly { id: string }[] = []) =>
  compare(keys, [live], ignored).keys[0]?.standing;

describe('a live key', () => {
  it('is ours when the ledger has it as live, by tag or by ref alone', () => {
    expect(standing([kept()], listed())).toBe('ours');
    expect(standing([kept()], { ref, disabled: false })).toBe('ours');
  });
  it('is a stray when its version is dead, unknown, or has another ref', () => {
    expect(standing([kept({ fate: 'dead', refs: [{ ref, gone: true }] })], listed())).toBe('stray');
    expect(standing([], listed())).toBe('stray');
    expect(standing([kept()], listed({ ref: { id: 'twin' } }))).toBe('stray');
  });
  it('is in doubt while an intent of its version is open', () => {
    expect(standing([kept({ refs: [], issued: false, fate: 'pending', intentUntil: now + 1 })], listed())).toBe(
      'in doubt',
    );
    expect(standing([kept({ refs: [], issued: false, fate: 'pending', intentUntil: now })], listed())).toBe('stray');
  });
  it('is unmanaged without a tag, or with that of another installation, whatever its id', () => {
    expect(standing([kept()], { ref: { id: 'other' }, disabled: false })).toBe('unmanaged');
    expect(standing([kept()], listed({ tag: { installation: 'theirs12', version: versionId('a') } }))).toBe(
      'unmanaged',
    );
  });
  it('is ignored when a person said so, or gave it up alive', () => {
    expect(standing([], { ref: { id: 'other' }, disabled: false }, [{ id: 'other' }])).toBe('ignored');
    expect(standing([kept({ fate: 'released' })], listed())).toBe('ignored');
  });
  it('is told apart by its mark where slots have one', () => {
    const slot = { id: 'role', mark: `${installation}:${versionId('a')}` };
    const later = { id: 'role', mark: `${installation}:${versionId('b')}` };
    const other = listed({ ref: later, tag: { installation, version: versionId('b') } });
    expect(standing([kept({ refs: [{ ref: slot, gone: false }] })], other)).toBe('stray');
  });
});

describe('a version of ours', () => {
  const gone = (changes: Partial<KeptKey> = {}) => compare([kept(changes)], []).vanished.map(({ how }) => how);
  it('has vanished when consumers or a spare count on it and it is not listed', () => {
    expect(gone()).toEqual(['not listed']);
    expect(gone({ fate: 'standby' })).toEqual(['not listed']);
    expect(compare([kept()], [listed({ disabled: true })]).vanished.map(({ how }) => how)).toEqual(['disabled']);
  });
  it('has not while it dies, leaked, is new, is worked on, or is suspended by us', () => {
    for (const changes of [
      { fate: 'doomed' },
      { fate: 'pending' },
      { compromised: true },
      { createdAt: now },
      { intentUntil: now + 1 },
      { running: true },
      { refs: [] },
    ] as const)
      expect(gone(changes), JSON.stringify(changes)).toEqual([]);
    expect(compare([kept({ suspended: true })], [listed({ disabled: true })]).vanished).toEqual([]);
  });
  it('lives by any of its keys', () => {
    const twin = { id: 'twin' };
    const both = kept({ refs: [ref, twin].map((one) => ({ ref: one, gone: false })) });
    expect(compare([both], [listed({ ref: twin })]).vanished).toEqual([]);
  });
});
