import type { IncidentView } from './incident-show.ts';

/** What a person could do now, most urgent first, as commands. Pure. */
export function incidentSteps(view: Omit<IncidentView, 'next'>): IncidentView['next'] {
  const { incident, open, counts, keys, clock, now } = view;
  const steps: { command: string; why: string }[] = [];
  const offer = (command: string, why: string): void => {
    const whole = `keybaton ${command}`;
    if (!steps.some((one) => one.command === whole)) steps.push({ command: whole, why });
  };
  const late = (moment: string): boolean =>
    clock.some((line) => line.moment === moment && line.late && line.reachedAt === null);

  for (const { credential, person, state } of open) {
    if (!person) continue;
    if (state === 'not contained' || state === 'revoked, not yet dead')
      offer(`show ${credential} --by-hand`, 'no API kills it: a person must');
    else offer(`status ${credential}`, 'a person must act');
  }
  for (const { credential, person, state } of open.slice(0, 3)) {
    if (person) continue;
    if (state === 'not replaced' && late('replaced'))
      offer(`incident take-over ${incident} ${credential}`, 'its rotation is late: this ends it and starts it anew');
    if (state === 'not confirmed' && late('confirmed')) offer(`status ${credential}`, 'who has not proved the new one');
    if (state === 'not contained' && late('contained'))
      offer(`show ${credential} --by-hand`, 'kill it by hand meanwhile');
  }
  if (view.unimported) offer('incident import', 'this machine killed alone: the ledger has not heard of it');
  if (view.closedAt === null && !view.running) {
    if (counts.dead < keys)
      offer('doctor', 'nobody works on it and not every key is dead: is Temporal up, does a worker run');
    else offer(`incident close ${incident} --why "..."`, 'every key is dead and nobody works on it');
  }
  const reported = clock.find(({ moment }) => moment === 'reported')?.reachedAt;
  if (view.closedAt === null && view.running && reported !== null && now >= view.declaredAt)
    offer(`incident close ${incident} --why "..."`, 'it is reported; what is left stays a debt of its rotation');
  if (view.closedAt !== null || (reported !== undefined && reported !== null))
    offer(`incident report ${incident}`, 'timeline, evidence, intervals and follow-ups');
  return steps;
}
