import { describe, expect, it } from 'vitest';
import { KeybatonError } from '../../domain/errors.ts';
import { canonical } from '../../ledger/canonical.ts';
import { ledgerFailure } from '../../ledger/failures.ts';

const failure = (code: string, message = 'SECRET in the text of a client') =>
  Object.assign(new Error(message), { code });

describe('a failure of the database', () => {
  it.each([
    ['SQLITE_BUSY', 'UNAVAILABLE'],
    ['SQLITE_BUSY_SNAPSHOT', 'UNAVAILABLE'],
    ['SQLITE_FULL', 'CAPACITY_EXHAUSTED'],
    ['SQLITE_IOERR_SHMSIZE', 'CAPACITY_EXHAUSTED'],
    ['SQLITE_IOERR_WRITE', 'UNAVAILABLE'],
    ['SQLITE_NOTADB', 'INVALID_CONFIG'],
    ['SQLITE_CORRUPT_INDEX', 'INVALID_CONFIG'],
    ['SQLITE_READONLY', 'UNAVAILABLE'],
    ['SQLITE_CONSTRAINT_UNIQUE', 'CONFLICT'],
    ['ENOSPC', 'CAPACITY_EXHAUSTED'],
    ['EACCES', 'UNAVAILABLE'],
    ['ECONNREFUSED', 'UNAVAILABLE'],
    ['53100', 'CAPACITY_EXHAUSTED'],
    ['53300', 'UNAVAILABLE'],
    ['57P01', 'UNAVAILABLE'],
    ['55P03', 'UNAVAILABLE'],
    ['40P01', 'UNAVAILABLE'],
    ['23505', 'CONFLICT'],
    ['28P01', 'ACCESS_DENIED'],
    ['42501', 'ACCESS_DENIED'],
    ['3D000', 'INVALID_CONFIG'],
    ['XX001', 'INVALID_CONFIG'],
    ['', 'UNAVAILABLE'],
  ])('%s is %s, and its text stays inside', (code, expected) => {
    const mapped = ledgerFailure(failure(code));
    expect([mapped.code, mapped.message]).toEqual([expected, expect.not.stringContaining('SECRET')]);
  });

  it('is unavailable when what was thrown is no error at all', () => {
    expect(ledgerFailure('a string').code).toBe('UNAVAILABLE');
    expect(ledgerFailure(undefined).code).toBe('UNAVAILABLE');
  });

  it('that we threw ourselves stays as it is', () => {
    const ours = new KeybatonError('CONFLICT', 'epoch 2 was decided meanwhile');
    expect(ledgerFailure(ours)).toBe(ours);
  });
});

describe('canonical text', () => {
  it('is one for one value, whatever the order of its members', () => {
    expect(canonical({ b: [1, null, true], a: { d: undefined, c: 'x' } })).toBe('{"a":{"c":"x"},"b":[1,null,true]}');
    expect(canonical({ a: { c: 'x' }, b: [1, undefined, true] })).toBe('{"a":{"c":"x"},"b":[1,null,true]}');
  });

  it('refuses what JSON would lose', () => {
    expect(() => canonical({ at: Number.NaN })).toThrow(/not finite/);
    expect(() => canonical({ at: 1n })).toThrow(/bigint/);
    expect(() => canonical({ at: () => 1 })).toThrow(/function/);
  });
});
