import { condition, getExternalWorkflowHandle, isCancellation } from '@temporalio/workflow';
import { incidentWorkflowId } from '../domain/identifiers.ts';
import { partIsThrough, type PartProgress } from '../domain/incident-part.ts';
import type { Declaration } from '../domain/incident.ts';
import { partTells } from './messages.ts';

export interface PartTeller {
  readonly declaration: Declaration;
  readonly progress: () => PartProgress;
  /** Another with every change worth telling. */
  readonly revision: () => string;
  /** Something is to be told at this moment though nothing changes, epoch milliseconds. */
  readonly at: number;
  /** Nothing changes any more: ends when that is told. */
  readonly finished: () => boolean;
  readonly renewed: () => boolean;
}

/** Between two tellings of an unfinished state, milliseconds; longer in an incident of many parts, which hears all of them. */
const gap = 2_000;

/** Tells the incident how its part stands: at once when a moment is reached, else now and then. */
export async function tellIncident(teller: PartTeller): Promise<void> {
  const { declaration, progress, revision, finished, renewed } = teller;
  const incident = getExternalWorkflowHandle(incidentWorkflowId(declaration.incident));
  let last = '';
  while (!renewed()) {
    const now = progress();
    const told = revision();
    const asText = JSON.stringify(now);
    const due = asText !== last;
    const heard = !due || (await incident.signal(partTells, now).then(() => true, unheard));
    // An incident that was ended from outside hears nothing: its keys are killed all the same.
    last = heard ? asText : '';
    if (finished() && (!heard || JSON.stringify(progress()) === last)) return;
    if (finished() && heard) continue;
    const turned = (): boolean => {
      const next = progress();
      return (
        Object.keys(next.reached).length !== Object.keys(now.reached).length ||
        (partIsThrough(next) && !partIsThrough(now))
      );
    };
    await condition(() => finished() || renewed() || turned(), gap * (1 + Math.floor(declaration.parts / 10)));
    const changed = (): boolean => finished() || renewed() || revision() !== told;
    const wait = teller.at - Date.now();
    if (wait > 0) await condition(changed, wait);
    else await condition(changed);
  }
}

function unheard(thrown: unknown): false {
  if (isCancellation(thrown)) throw thrown;
  return false;
}
