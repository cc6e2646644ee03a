import {
  condition,
  continueAsNew,
  ParentClosePolicy,
  patched,
  setHandler,
  startChild,
  workflowInfo,
  WorkflowIdReusePolicy,
} from '@temporalio/workflow';
import { incidentDependentsWorkflowId, type CredentialId } from '../domain/identifiers.ts';
import { momentDueAt } from '../domain/incident-clock.ts';
import type { KeyState } from '../domain/incident-keys.ts';
import { isConfirmed, isReplaced, partProgress, type PartProgress } from '../domain/incident-part.ts';
import type { Declaration, IncidentPart, KillFact, OutcomeFacts } from '../domain/incident.ts';
import { queues } from '../domain/queues.ts';
import { unlessStarted } from './already-started.ts';
import { containment, incidentEffects } from './effects.ts';
import { untilDone } from './incident-again.ts';
import { openCrowd, tellCrowd } from './incident-crowd.ts';
import { workLane } from './incident-lane.ts';
import { openOutbox } from './incident-outbox.ts';
import { askRotations, credentialsOf, isOver, tellRotations, type TellFrom } from './incident-rotations.ts';
import { partEnds, takeOver } from './messages.ts';
import { openPartKeys } from './part-keys.ts';
import { tellIncident } from './part-teller.ts';
import type { rotateDependents } from './rotate-dependents.ts';

export interface ContainPartInput {
  readonly declaration: Declaration;
  /** Without its versions once they are carried. */
  readonly part: IncidentPart;
  /** Only on a continue-as-new. */
  readonly carried?: CarriedPart;
}

/** Written by a run of this or an earlier build: fields may be added, none may change its meaning. */
export interface CarriedPart {
  readonly format: 1;
  readonly keys: readonly KeyState[];
  readonly outcomes: readonly OutcomeFacts[];
  readonly facts: readonly KillFact[];
  readonly declared: boolean;
  readonly tell: TellFrom;
  readonly seen: Readonly<Partial<Record<'replaced' | 'confirmed', number>>>;
  readonly cascaded: readonly CredentialId[];
  readonly ended: boolean;
  readonly takenOver: readonly CredentialId[];
}

/** Facts written in one transaction. */
const factsAtOnce = 100;

/**
 * One part of an incident: kills its keys, proves them dead, and sees to it that their rotations replace them. Killing
 * waits for none of the rest: ledger, rotations and the incident itself are told beside it.
 */
export async function containPart(input: ContainPartInput): Promise<void> {
  const { declaration, part, carried } = input;
  const { incident, pace } = declaration;
  let ended = carried?.ended ?? false;
  let renewing = false;
  let declared = carried?.declared ?? false;
  const takenOver: CredentialId[] = [...(carried?.takenOver ?? [])];
  /** Kills that are under way when it is ended are waited for: what came of them is recorded and told. */
  let lands = false;
  let killing = true;
  setHandler(partEnds, () => {
    ended = true;
    lands = patched('part-lands');
  });
  setHandler(takeOver, ({ credential }) => {
    takenOver.push(credential);
  });

  const tell: TellFrom = { times: carried?.tell.times ?? 0, failures: 0 };
  const seen = { ...carried?.seen };
  const cascaded = new Set<CredentialId>(carried?.cascaded);
  const facts = openOutbox<KillFact>(pace, carried?.facts ?? [], async (waiting) => {
    const some = waiting.slice(0, factsAtOnce);
    const versions = [...new Set(some.map((fact) => fact.version))];
    await incidentEffects.recordIncident({ declaration, versions, facts: some, events: [] });
    return some.length;
  });
  const keys = openPartKeys(part.versions, carried, pace, (some) => some.forEach(facts.put));
  let counted: { readonly state: string; readonly progress: PartProgress } | undefined;
  const startedAt = Date.now();
  const late = momentDueAt({ declaredAt: declaration.declaredAt, clock: pace.clock }, 'replaced');

  const rotations = { incident, pace, keys, stops };
  const many = openCrowd(rotations, declaration, tell);
  const crowd = many !== undefined && patched('a-crowd-is-killed-first') ? many : undefined;

  await Promise.all([
    kill(),
    declare(),
    facts.run({ drained: finishing, renewed: renews, hopeless: () => false }),
    tellThem(),
    askRotations(rotations, startCascades, crowd?.told),
    takeOvers(),
    tellIncident({
      declaration,
      progress,
      revision: () => `${keys.revision()}/${unrecorded() === 0}`,
      at: late,
      finished: () => finishing() && unrecorded() === 0,
      renewed: renews,
    }),
  ]);
  if (!renews()) return;
  await continueAsNew<typeof containPart>({
    declaration,
    part: { ...part, versions: [] },
    carried: {
      format: 1,
      keys: keys.all(),
      outcomes: [...keys.outcomes.values()],
      facts: facts.left(),
      declared,
      tell,
      seen,
      cascaded: [...cascaded],
      ended,
      takenOver,
    },
  });

  async function tellThem(): Promise<void> {
    if (crowd !== undefined) await tellCrowd(crowd, rotations, tell);
    await tellRotations(rotations, tell);
  }

  async function kill(): Promise<void> {
    await Promise.all(
      keys.targets.map((target) => workLane({ incident, target, rate: part.rates?.[target], pace, keys, stops })),
    );
    killing = false;
  }

  /** Nothing more will come to be recorded. */
  function finishing(): boolean {
    return (ended && !(lands && killing)) || over();
  }

  /** Every death counts, and every replacement is with its consumers. */
  function over(): boolean {
    if (!keys.all().every((key) => key.through)) return false;
    return credentialsOf(keys).every(({ credential }) => {
      const outcome = keys.outcomes.get(credential);
      return isOver(outcome) && isConfirmed(outcome);
    });
  }

  /** Once it is so it stays so: what has stopped for it is begun by the next run. */
  function renews(): boolean {
    const { renewAfter } = pace;
    const old =
      workflowInfo().continueAsNewSuggested || (renewAfter !== undefined && Date.now() - startedAt > renewAfter);
    renewing ||= old && !ended && !over();
    return renewing;
  }

  function stops(): boolean {
    return ended || renews() || over();
  }

  function unrecorded(): number {
    return facts.left().length + (declared ? 0 : keys.all().length);
  }

  /** Marks the versions compromised. */
  async function declare(): Promise<void> {
    if (declared) return;
    const versions = keys.all().map((key) => key.frozen.version);
    const written = await untilDone(
      pace,
      () => incidentEffects.recordIncident({ declaration, versions, facts: [], events: [] }),
      renews,
    );
    declared = 'result' in written;
  }

  /** What depends on a replaced credential is rotated after it: by workflows of their own, which outlive the incident. */
  async function startCascades(outcomes: readonly OutcomeFacts[]): Promise<void> {
    const due = outcomes.filter(
      ({ credential, replaced, dependents }) => replaced && dependents.length > 0 && !cascaded.has(credential),
    );
    for (const { credential } of due) cascaded.add(credential);
    await Promise.all(
      due.map(({ credential, dependents }) =>
        startChild<typeof rotateDependents>('rotateDependents', {
          workflowId: incidentDependentsWorkflowId(incident, credential),
          taskQueue: queues.emergency,
          parentClosePolicy: ParentClosePolicy.ABANDON,
          workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
          args: [{ declaration, after: credential, dependents }],
        }).catch(unlessStarted),
      ),
    );
  }

  async function takeOvers(): Promise<void> {
    while (!stops() || (takenOver.length > 0 && !renews())) {
      await condition(() => takenOver.length > 0 || stops());
      if (renews()) return;
      const [credential] = takenOver.splice(0, 1);
      const named = credentialsOf(keys).find((one) => one.credential === credential);
      if (named === undefined) continue;
      const { versions: compromised } = named;
      await untilDone(
        pace,
        () => containment.takeOverRotation({ incident, credential: named.credential, compromised }),
        (failures) => failures >= 5,
      );
    }
  }

  /** Counted anew when something has changed: it is asked for after each event, of which a crowd has thousands. */
  function progress(): PartProgress {
    const state = `${keys.revision()}/${unrecorded()}/${Date.now() < late}`;
    if (counted?.state !== state) counted = { state, progress: count() };
    return counted.progress;
  }

  function count(): PartProgress {
    const now = Date.now();
    const outcome = (key: KeyState): OutcomeFacts | undefined => keys.outcomes.get(key.frozen.credential);
    if (keys.all().every((key) => isReplaced(outcome(key)))) seen.replaced ??= now;
    if (keys.all().every((key) => isConfirmed(outcome(key)))) seen.confirmed ??= now;
    return partProgress({
      part: part.part,
      keys: keys.all(),
      outcomes: keys.outcomes,
      seen,
      unrecorded: unrecorded(),
      late: (credential) =>
        now < late
          ? undefined
          : `\`keybaton incident take-over ${incident} ${credential}\` ends its rotation and starts it anew`,
    });
  }
}
