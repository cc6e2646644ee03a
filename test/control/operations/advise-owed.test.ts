import { describe, expect, test } from 'vitest';
import { owedInVain } from '../../../control/operations/advise/unproved-epochs.ts';
import type { EvidenceKind } from '../../../domain/entry.ts';
import type { CredentialFacts, EpochReason } from '../../../domain/facts.ts';
import type { LedgerEvent } from '../../../ledger/ledger.ts';
import { newVersion } from '../bench.ts';
import { bot, hour, now } from './advice-world.ts';

describe('what a consumer owed in vain', () => {
  const event = (kind: string, epoch: number, body: LedgerEvent['body']): LedgerEvent => ({
    ...{ n: epoch, at: now, actor: 'test', credential: bot, version: undefined, incident: undefined },
    ...{ kind, epoch, body },
  });
  const demanded = (epoch: number, demand: EvidenceKind = 'possession') =>
    event('promotion.decided', epoch, { demands: [{ consumer: 'web', demand, deadline: hour, kind: 'service' }] });
  const proved = (kind: EvidenceKind) => event('evidence.recorded', 2, { consumer: 'web', instance: null, kind });
  const facts = (whys: readonly EpochReason[], age = 2 * hour): Pick<CredentialFacts, 'epochs' | 'now'> => ({
    now,
    epochs: whys
      .map((why, index) => ({ epoch: index + 1, version: newVersion(), why, decidedAt: now - age }))
      .toReversed(),
  });

  test.each([
    [
      'every epoch of a rotation counts, newest first',
      facts(['due', 'requested', 'due']),
      [1, 2, 3].map((n) => demanded(n)),
      [3, 2, 1],
    ],
    ['the newest counts only after the deadline', facts(['due', 'due'], hour / 2), [demanded(1), demanded(2)], [1]],
    [
      'imports and roll-backs bring nothing to take',
      facts(['imported', 'due', 'roll-back']),
      [1, 2, 3].map((n) => demanded(n)),
      [2],
    ],
    ['one proof ends it', facts(['due', 'due']), [demanded(1), demanded(2), proved('rolled-out')], []],
    ["somebody's word is no proof", facts(['due', 'due']), [demanded(1), demanded(2), proved('acknowledged')], [2, 1]],
    ['who owes only a word owes no proof', facts(['due', 'due']), [demanded(1, 'acknowledged'), demanded(2)], [2]],
    [
      'a demand added later counts',
      facts(['due']),
      [event('demand.added', 1, { consumer: 'web', demand: 'possession', deadline: hour })],
      [1],
    ],
  ] as const)('%s', (_what, known, events, epochs) => {
    expect(owedInVain('web', known, events)).toEqual(epochs);
  });
});
