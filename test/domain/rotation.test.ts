import { describe, expect, it } from 'vitest';
import { parseVersionId } from '../../domain/identifiers.ts';
import { readCarried, type Carried } from '../../domain/rotation.ts';

const leaked = parseVersionId(`kb${'a'.repeat(30)}`);
const made = parseVersionId(`kb${'b'.repeat(30)}`);

describe('what a run carries over to the next', () => {
  const carried: Carried = {
    format: 1,
    compromised: [leaked],
    step: 'discarding',
    watched: 700,
    passes: 3,
    discards: { version: made, others: [{ version: leaked, compromised: true, neverCurrent: false }], why: 'refused' },
  };

  it('is read as it was written, through history', () => {
    expect(readCarried(JSON.parse(JSON.stringify(carried)))).toEqual(carried);
  });

  it('of a later format keeps the escalation, the pass and what is being discarded', () => {
    const later = { ...carried, format: 9, step: 'a step of tomorrow', more: { of: 'it' } };
    expect(readCarried(later)).toEqual({ ...carried, step: 'preflight' });
  });

  it('of the first builds, which had no more than this, is read', () => {
    const { discards: _later, ...first } = carried;
    expect(readCarried(first)).toEqual(first);
  });

  it('that is no such state is asked anew', () => {
    expect([undefined, null, 'carried', 7].map(readCarried)).toEqual([undefined, undefined, undefined, undefined]);
    expect(readCarried({})).toEqual({ format: 1, compromised: [], step: 'preflight', watched: 0, passes: 0 });
  });
});
