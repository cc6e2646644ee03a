import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { labelOf, mayMove, stateOf, type Fate, type State, type StateFacts } from '../../domain/lifecycle.ts';

const states: readonly State[] = ['pre-activation', 'active', 'suspended', 'deactivated', 'compromised', 'destroyed'];
const fates: readonly Fate[] = ['pending', 'standby', 'current', 'doomed', 'dead', 'released'];

describe('the moves between states', () => {
  const table: Readonly<Record<State, readonly State[]>> = {
    'pre-activation': ['active', 'deactivated', 'compromised'],
    active: ['suspended', 'deactivated', 'compromised'],
    suspended: ['active', 'deactivated', 'compromised'],
    deactivated: ['destroyed', 'compromised'],
    compromised: ['destroyed'],
    destroyed: [],
  };
  it.each(states)('from %s are those of the table', (from) => {
    expect(states.filter((to) => mayMove(from, to))).toEqual(states.filter((to) => table[from].includes(to)));
  });
  it('never leave destroyed, and never leave compromised but to it, however many are made', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...states), { maxLength: 20 }), (wishes) => {
        let at: State = 'pre-activation';
        const seen: State[] = [at];
        for (const wish of wishes) {
          if (!mayMove(at, wish)) continue;
          at = wish;
          seen.push(at);
        }
        const ended = seen.indexOf('destroyed');
        if (ended !== -1) expect(ended).toBe(seen.length - 1);
        const leaked = seen.indexOf('compromised');
        if (leaked !== -1) expect(['destroyed', undefined]).toContain(seen[leaked + 1]);
      }),
    );
  });
});

describe('the state of a version', () => {
  const plain: StateFacts = {
    fate: 'pending',
    everCurrent: false,
    compromised: false,
    suspended: false,
    killBegun: false,
    erased: false,
  };
  it.each<[State, Partial<StateFacts>]>([
    ['pre-activation', {}],
    ['pre-activation', { fate: 'standby' }],
    ['active', { fate: 'current' }],
    ['active', { fate: 'doomed', everCurrent: true }],
    ['suspended', { fate: 'doomed', everCurrent: true, suspended: true }],
    ['deactivated', { fate: 'doomed', everCurrent: true, killBegun: true }],
    ['deactivated', { fate: 'dead', everCurrent: true }],
    ['compromised', { fate: 'current', compromised: true }],
    ['compromised', { fate: 'dead', compromised: true }],
    ['destroyed', { fate: 'dead', erased: true }],
    ['destroyed', { fate: 'dead', erased: true, compromised: true }],
  ])('is %s for %o', (state, changes) => expect(stateOf({ ...plain, ...changes })).toBe(state));

  const anyFacts = fc.record({
    fate: fc.constantFrom(...fates),
    everCurrent: fc.boolean(),
    compromised: fc.boolean(),
    suspended: fc.boolean(),
    killBegun: fc.boolean(),
    erased: fc.boolean(),
  });
  it('is destroyed only for a version that is proved dead and of which no copy is left', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        expect(stateOf(facts) === 'destroyed').toBe(facts.fate === 'dead' && facts.erased);
      }),
    );
  });
  it('moves only as the table lets it when a version is killed, proved dead and erased', () => {
    fc.assert(
      fc.property(anyFacts, fc.boolean(), (facts, leaks) => {
        const alive: StateFacts = { ...facts, fate: facts.everCurrent ? 'doomed' : 'pending', erased: false };
        const path: readonly StateFacts[] = [
          { ...alive, killBegun: false, compromised: false },
          { ...alive, killBegun: false, compromised: leaks },
          { ...alive, killBegun: true, compromised: leaks },
          { ...alive, killBegun: true, compromised: leaks, fate: 'dead' },
          { ...alive, killBegun: true, compromised: leaks, fate: 'dead', erased: true },
        ];
        const passed = path.map(stateOf);
        passed.slice(1).forEach((to, index) => {
          const from = passed[index] ?? to;
          if (from !== to) expect(mayMove(from, to), `${from} to ${to}`).toBe(true);
        });
      }),
    );
  });
});

describe('the label of a version', () => {
  it.each<Fate>(['current', 'standby', 'pending'])('is its fate while that is %s', (fate) => {
    expect(labelOf({ fate, everCurrent: false, newestFormer: false })).toBe(fate);
  });
  it('is previous for the newest doomed one that was current, and none for others', () => {
    expect(labelOf({ fate: 'doomed', everCurrent: true, newestFormer: true })).toBe('previous');
    expect(labelOf({ fate: 'doomed', everCurrent: true, newestFormer: false })).toBeUndefined();
    expect(labelOf({ fate: 'doomed', everCurrent: false, newestFormer: true })).toBeUndefined();
    expect(labelOf({ fate: 'dead', everCurrent: true, newestFormer: true })).toBeUndefined();
  });
});
