import { codeOf } from '../../domain/errors.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import type { Outcome, Step } from '../../domain/rotation.ts';
import type { LedgerEvent } from '../../ledger/ledger.ts';
import { pause } from './pause-for.ts';
import type { RotationPorts } from './ports.ts';
import { eventsAfter, stepOf } from './run-events.ts';

/** A run as it looks now, from the ledger and from the running workflow. */
export interface RunView {
  readonly credential: CredentialId;
  /** Every step seen, in order, with the ledger's time it was first seen. */
  readonly steps: readonly { readonly step: Step; readonly at: number }[];
  /** What it waits for; undefined while an effect runs. */
  readonly waitsFor: string | undefined;
  readonly version: VersionId | undefined;
  /** Why the running workflow could not be asked just now; the ledger still is. */
  readonly trouble: string | undefined;
  /** Set when the run has ended. */
  readonly end: { readonly outcome: Outcome; readonly why: string | undefined; readonly at: number } | undefined;
}

export interface FollowInput {
  readonly credential: CredentialId;
  /** Only what the ledger wrote from then on belongs to the run that is followed. */
  readonly since: number;
  /** Likewise, by the number of the newest event before it was asked for: times of one millisecond tell nothing. */
  readonly afterN: number;
  readonly signal: AbortSignal;
  /** Milliseconds between questions. */
  readonly every: number;
  /** Called when nobody runs and the request is still open: a run ended before it could see the request. */
  readonly resume: () => Promise<void>;
  /** Undefined: any run. */
  readonly request?: string;
}

/** What following asks: this machine's own ports, or the same questions over HTTP. */
export interface FollowPorts {
  readonly ledger: Pick<RotationPorts['ledger'], 'history'> & {
    facts(credential: CredentialId): Promise<{ readonly requests: readonly { readonly id: string }[] }>;
  };
  readonly rotations: Pick<RotationPorts['rotations'], 'status'>;
}

/** Asks until the run ends or the signal aborts, and yields every change. The last view has `end`, unless aborted. */
export async function* follow(ports: FollowPorts, input: FollowInput): AsyncGenerator<RunView> {
  const { credential, signal } = input;
  const seen: { step: Step; at: number }[] = [];
  let end: RunView['end'];
  let { afterN } = input;
  let version: VersionId | undefined;
  let shown = '';
  const enter = (step: Step, at: number): void => {
    if (seen.at(-1)?.step !== step) seen.push({ step, at });
  };

  while (!signal.aborted) {
    // The workflow is asked first: what it did before it answered is then in the ledger.
    const live = await ask(ports, credential);
    for (const event of await eventsAfter(ports.ledger, credential, afterN)) {
      afterN = event.n;
      if (event.at < input.since) continue;
      version = event.version ?? version;
      const step = stepOf(event);
      if (step !== undefined) enter(step, event.at);
      end = endOf(event) ?? end;
    }
    // An answer older than what the ledger has told since is no news.
    if (end === undefined && live.status !== undefined && live.status.since >= (seen.at(-1)?.at ?? 0)) {
      enter(live.status.step, live.status.since);
    }
    const view: RunView = {
      credential,
      steps: [...seen],
      waitsFor: end === undefined ? live.status?.waitsFor : undefined,
      version: live.status?.version ?? version,
      trouble: end === undefined ? live.trouble : undefined,
      end,
    };
    const text = JSON.stringify(view);
    if (text !== shown) yield view;
    shown = text;
    if (end !== undefined) return;
    if (live.status === undefined && live.trouble === undefined && (await forgotten(ports, input)))
      await input.resume();
    await pause(input.every, signal);
  }
}

async function ask(
  { rotations }: FollowPorts,
  credential: CredentialId,
): Promise<{ status: Awaited<ReturnType<RotationPorts['rotations']['status']>>; trouble: string | undefined }> {
  try {
    return { status: await rotations.status(credential), trouble: undefined };
  } catch (thrown) {
    // The run goes on without us; what cannot be asked is shown as such and asked again.
    const text =
      thrown instanceof Error && codeOf(thrown) === 'UNAVAILABLE' && 'code' in thrown
        ? thrown.message
        : 'the running rotation does not answer';
    return { status: undefined, trouble: text };
  }
}

/** Nobody runs, no run is open, and what was asked for still is. */
async function forgotten({ ledger }: FollowPorts, { credential, request }: FollowInput): Promise<boolean> {
  if (request === undefined) return false;
  const facts = await ledger.facts(credential);
  return facts.requests.some(({ id }) => id === request);
}

function endOf(event: LedgerEvent): RunView['end'] {
  if (event.kind !== 'rotation.ended') return undefined;
  const { outcome, why } = event.body;
  // The ledger writes no other outcome than its own type's.
  return { outcome: outcome as Outcome, why: typeof why === 'string' ? why : undefined, at: event.at };
}
