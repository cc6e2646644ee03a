import type { Fragment } from './html.ts';
import { counted, mark } from './words.ts';
import type { Answer } from './web.ts';
import type { listOperation } from '../operations/table/list.ts';

export type Summary = Answer<typeof listOperation>['credentials'][number];

/** What is worth knowing of a credential at a glance, the worst first. */
export function standing(one: Omit<Summary, 'backends'>): Fragment {
  const { compromised, onlyByHand, debts, alarms, due } = one;
  const debtsAlone = debts.filter((version) => !compromised.includes(version));
  const marks = [
    compromised.length > 0 && mark('danger', counted(compromised.length, 'compromised version')),
    onlyByHand.length > 0 && mark('danger', `${counted(onlyByHand.length, 'key')} only a person can kill`),
    alarms.length > 0 && mark('trouble', counted(alarms.length, 'alarm')),
    due.failedAttempts > 0 && mark('trouble', `${counted(due.failedAttempts, 'attempt')} failed`),
    one.paused && mark('waits', 'paused'),
    one.frozen && mark('waits', 'frozen'),
    one.rotating && mark('busy', 'rotating'),
    debtsAlone.length > 0 && mark('busy', counted(debtsAlone.length, 'old version dies', 'old versions die')),
    due.why !== null && !one.rotating && mark('waits', 'due'),
    one.status !== 'managed' && mark('waits', one.status),
    one.mode === 'observe' && mark('waits', 'observed only'),
  ].filter((found) => found !== false);
  return marks.length === 0 ? mark('well', 'in order') : marks.map((found, index) => [index > 0 && ' ', found]);
}
