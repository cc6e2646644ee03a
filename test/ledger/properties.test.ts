import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf } from '../../domain/errors.ts';
import type { CredentialFacts, Ref } from '../../domain/facts.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import { openLedger } from '../../ledger/open.ts';
import { bot, consumer, entry, minutes } from './fixtures.ts';
import { sqlitePlace } from './places.ts';
import { expectSound, scenarioOn, silent } from './scenario.ts';
import type { Scenario } from './scenario.ts';

const place = sqlitePlace();
beforeAll(() => place.start());
afterAll(() => place.stop());

/** Picks one of the versions there are; a refusal by the ledger is one of the answers a step may have. */
type Step = (
  scenario: Scenario,
  facts: CredentialFacts,
  any: (index: number) => VersionId,
  index: number,
) => Promise<unknown>;

const who = { who: 'os:tester', why: 'a property' };
const newest = (facts: CredentialFacts): number => facts.epochs[0]?.epoch ?? 0;
const instance = (index: number): string => ['one', 'two'][index % 2] ?? 'one';

/** Those the ledger knows, and now and then one that it does not. */
const refsOf = (facts: CredentialFacts, version: VersionId, index: number): readonly Ref[] => [
  ...(facts.versions.find((one) => one.id === version)?.refs ?? []).map((one) => one.ref),
  ...(index % 3 === 1 ? [{ id: `found-${index}` }] : []),
];

const steps: Readonly<Record<string, Step>> = {
  plan: ({ plan }) => plan(),
  standby: ({ issue }) => issue(bot, 'standby'),
  issue: ({ issue }) => issue(),
  rotate: ({ rotate }) => rotate(),
  decide: ({ ledger }, facts, any, index) =>
    ledger.decide({
      credential: bot,
      version: any(index),
      expectedEpoch: newest(facts),
      why: index % 2 === 0 ? 'due' : 'survivor',
      run: 'r',
    }),
  rollBack: async ({ ledger }, facts, any, index) => {
    await ledger.request({ kind: 'rollBack', credential: bot, version: any(index), ...who });
    return ledger.decide({
      credential: bot,
      version: any(index),
      expectedEpoch: newest(facts),
      why: 'roll-back',
      run: 'r',
    });
  },
  spent: ({ ledger }, _facts, any, index) => ledger.spent({ version: any(index), why: 'no answer' }),
  refused: ({ ledger }, _facts, any, index) => ledger.refused({ version: any(index), why: '401' }),
  twin: ({ ledger }, _facts, any, index) => ledger.refSeen({ version: any(index), ref: { id: `twin-${index}` } }),
  beat: ({ ledger }, _facts, _any, index) =>
    ledger.beat({
      credential: bot,
      consumer: 'api',
      instance: instance(index),
      boot: `b${index % 3}`,
      lease: minutes(5),
    }),
  leave: ({ ledger }, _facts, _any, index) =>
    ledger.leave({ credential: bot, consumer: 'api', instance: instance(index), how: 'platform' }),
  prove: ({ ledger }, facts, _any, index) =>
    ledger.prove({
      credential: bot,
      epoch: newest(facts),
      consumer: 'api',
      instance: instance(index),
      kind: 'possession',
      actor: 'c',
    }),
  withdraw: ({ ledger }, facts, _any, index) =>
    ledger.withdraw({
      credential: bot,
      epoch: newest(facts),
      consumer: 'api',
      instance: instance(index),
      what: 'fell-back',
    }),
  watch: ({ ledger, now }, _facts, any, index) => ledger.watch(any(index), silent(now())),
  suspend: ({ ledger }, facts, any, index) => ledger.suspended({ version: any(index), epoch: newest(facts) }),
  resume: ({ ledger }, facts, any, index) => ledger.resumed({ version: any(index), epoch: newest(facts) }),
  proveAll: ({ prove }, _facts, any, index) => prove(any(index)),
  authorise: ({ ledger }, facts, any, index) =>
    ledger.authorise({ credential: bot, version: any(index), epoch: newest(facts), signal: index % 2 === 0 }),
  unauthorise: ({ ledger }, _facts, any, index) =>
    ledger.withdrawAuthorisation({ version: any(index), why: 'look again' }),
  began: ({ ledger }, _facts, any, index) => ledger.killBegan({ version: any(index) }),
  dead: ({ ledger }, _facts, any, index) =>
    ledger.dead({ version: any(index), grade: index % 3 === 0 ? 'absent' : 'refused' }),
  destroyed: ({ ledger }, _facts, any, index) => ledger.destroyed({ version: any(index), backend: 'vault' }),
  pause: ({ ledger }) => ledger.request({ kind: 'pause', credential: bot, ...who }),
  rotateRequest: ({ ledger }) => ledger.request({ kind: 'rotate', credential: bot, ...who }),
  release: ({ ledger }) => ledger.request({ kind: 'release', release: 'unproved', credential: bot, ...who }),
  withdrawRequest: async ({ ledger }, facts) => {
    for (const { id } of facts.requests.slice(0, 1)) await ledger.withdrawRequest({ id, ...who });
  },
  leak: ({ ledger }, _facts, any, index) =>
    ledger.declareIncident({ incident: `i${index}`, versions: [any(index)], ...who }),
  drill: ({ issue }) => issue(bot, 'drill'),
  contained: ({ ledger, now }, facts, any, index) =>
    ledger.killFacts({
      incident: `i${index}`,
      facts: [
        {
          kind: 'contained',
          credential: bot,
          version: any(index),
          at: now() - (index % 2),
          refs: refsOf(facts, any(index), index),
        },
      ],
    }),
  killed: ({ ledger, now }, _facts, any, index) =>
    ledger.killFacts({
      incident: `i${index}`,
      facts: [
        {
          kind: 'dead',
          credential: bot,
          version: any(index),
          at: now() - 1,
          grade: index % 3 === 0 ? 'absent' : 'refused',
        },
      ],
    }),
  closeIncident: ({ ledger }, _facts, _any, index) => ledger.closeIncident({ incident: `i${index}`, who: who.who }),
  moreConsumers: ({ apply }) => apply(entry(bot, { consumers: [consumer('api'), consumer('web')] })),
  fewerConsumers: ({ apply }) => apply(entry()),
  retire: ({ apply }) => apply(),
  run: ({ ledger }, _facts, _any, index) =>
    ledger.startRun({ credential: bot, run: `r${index}`, reason: 'due', actor: 'sweep' }),
  endRun: ({ ledger }, facts, _any, index) =>
    ledger.endRun({
      credential: bot,
      run: facts.openRun?.run ?? 'none',
      outcome: index % 2 === 0 ? 'rotated' : 'failed',
    }),
  pass: async ({ pass }, _facts, _any, index) => pass(minutes(index)),
};

/** One legal order in which every step is taken: tried first, so that no step is refused every time. */
const tour: [string, number][] = [
  ['beat', 0],
  ['prove', 0],
  ['withdraw', 0],
  ['leave', 0],
  ['proveAll', 0],
  ['watch', 0],
  ['suspend', 0],
  ['resume', 0],
  ['authorise', 0],
  ['unauthorise', 0],
  ['authorise', 0],
  ['began', 0],
  ['dead', 2],
  ['destroyed', 0],
  ['twin', 0],
  ['rotate', 0],
  ['rollBack', 1],
  ['issue', 0],
  ['decide', 3],
  ['plan', 0],
  ['spent', 4],
  ['standby', 0],
  ['refused', 5],
  ['leak', 0],
  ['contained', 0],
  ['killed', 0],
  ['closeIncident', 0],
  ['drill', 0],
  ['pause', 0],
  ['withdrawRequest', 0],
  ['rotateRequest', 0],
  ['release', 0],
  ['moreConsumers', 0],
  ['fewerConsumers', 0],
  ['run', 0],
  ['endRun', 1],
  ['pass', 1],
  ['retire', 0],
];

const refusals = new Set(['CONFLICT', 'NOT_FOUND', 'INVALID_CONFIG']);

function expectInvariants(before: CredentialFacts, after: CredentialFacts): void {
  const fates = after.versions.map((one) => one.fate);
  expect(fates.filter((fate) => fate === 'current').length).toBeLessThanOrEqual(1);
  expect(fates.filter((fate) => fate === 'pending').length).toBeLessThanOrEqual(1);
  // Epochs count up by one and are never changed; the newest names what is current, unless that died.
  expect(after.epochs.map((one) => one.epoch)).toEqual(after.epochs.map((_, index) => after.epochs.length - index));
  expect(after.epochs.slice(after.epochs.length - before.epochs.length)).toEqual(before.epochs);
  const current = after.versions.find((one) => one.fate === 'current');
  if (current !== undefined) expect(after.epochs[0]?.version).toBe(current.id);
  for (const version of after.versions) {
    const earlier = before.versions.find((one) => one.id === version.id);
    if (earlier === undefined) continue;
    // Marks stay; a dead version only comes back by a new ref.
    for (const mark of ['compromised', 'spent', 'refused', 'everCurrent', 'killBegun', 'issued'] as const) {
      if (earlier[mark]) expect([version.id, mark, version[mark]]).toEqual([version.id, mark, true]);
    }
    if (earlier.fate === 'dead' && version.fate !== 'dead') expect(version.refs.some((one) => !one.gone)).toBe(true);
    // What was current is authorised only under GATE; nothing that was asked stands against it.
    const newly = version.authorisedEpoch !== undefined && earlier.authorisedEpoch === undefined;
    if (newly && version.everCurrent && !version.compromised) {
      expect(after.requests.filter((one) => ['pause', 'freeze', 'rollBack'].includes(one.kind))).toEqual([]);
      expect(version.authorisedEpoch).toBe(after.epochs[0]?.epoch);
      if (after.status === 'managed') expect(version.fate).toBe('doomed');
    }
  }
}

describe('whatever is asked in whatever order', () => {
  it('one version is current, one pending, marks stay, the chain holds and events make the projections', async () => {
    const asked = fc.array(fc.tuple(fc.constantFrom(...Object.keys(steps)), fc.nat(7)), {
      minLength: 10,
      maxLength: 60,
    });
    const reached = new Set<string>();
    await fc.assert(
      fc.asyncProperty(asked, async (sequence) => {
        const url = await place.fresh();
        let time = Date.UTC(2026, 0, 1);
        const ledger = await openLedger({ url, clock: () => time });
        const scenario = scenarioOn(
          ledger,
          url,
          place,
          () => time,
          (milliseconds) => (time += milliseconds),
        );
        try {
          await scenario.apply(entry());
          await scenario.rotate();
          await scenario.rotate();
          for (const [name, index] of sequence) {
            const before = await scenario.facts();
            const any = (at: number): VersionId =>
              before.versions[at % before.versions.length]?.id ?? before.versions[0]?.id ?? ('' as VersionId);
            try {
              await steps[name]?.(scenario, before, any, index);
              reached.add(name);
            } catch (thrown) {
              if (!refusals.has(codeOf(thrown))) throw thrown;
            }
            expectInvariants(before, await scenario.facts());
          }
          await expectSound(ledger);
        } finally {
          await ledger.close();
        }
      }),
      { numRuns: 15, examples: [[tour]] },
    );
    expect([...reached].toSorted()).toEqual(Object.keys(steps).toSorted());
  }, 240_000);
});
