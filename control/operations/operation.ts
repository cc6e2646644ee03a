import type { z } from 'zod';
import type { Approvals } from '../access/approvals.ts';
import type { KillAllowance } from '../access/kill-allowance.ts';
import type { OwnTokens } from '../access/own-tokens.ts';
import type { Principal } from '../access/principal.ts';
import type { Reviews } from '../access/reviews.ts';
import type { CliPorts } from '../cli/environment.ts';
import type { EmergencyPorts } from '../incident-ports.ts';
import { withoutOthers } from './others-untold.ts';

/** What of an entry decides who may touch it. */
export interface EntryScope {
  readonly environment: string;
  readonly team: string;
  readonly groups: readonly string[];
  /** Which one it is, of what kills: whoever kills many is counted by them. */
  readonly credential?: string;
}

/** What an operation would touch, held against the grants of whoever asks. */
export type Reach =
  | { readonly kind: 'entries'; readonly entries: readonly EntryScope[] }
  /** Targets, freezes of everything, tokens of people: a grant that is narrowed does not reach it. */
  | { readonly kind: 'installation' }
  /** Only what the caller may see is answered: `run` filters by `caller.sees`. */
  | { readonly kind: 'what the caller sees' };

/** On whose behalf an operation runs. */
export interface Caller {
  readonly actor: string;
  /** May this caller see an entry? Always true on the machine itself. */
  sees(scope: EntryScope): boolean;
  /** The only epoch for which it was agreed to; undefined: whichever is the newest. */
  readonly epoch?: number;
  /** Whoever signed in; undefined on the machine itself. */
  readonly principal?: Principal;
}

/** The two sets of ports; each opens when it is first asked for, so that an emergency needs no ledger. */
export interface OperationPorts {
  readonly ports: () => Promise<CliPorts>;
  readonly incidentPorts: () => Promise<EmergencyPorts>;
  /** Undefined where nobody signs in: then there is nothing to agree to. */
  readonly access?: AccessDesk;
}

/** What people agree to, and what must be looked at afterwards: on disk, so that none of it needs a database. */
export interface AccessDesk {
  readonly tokens: OwnTokens;
  readonly approvals: Approvals;
  readonly reviews: Reviews;
  readonly kills: KillAllowance;
}

/**
 * One thing that people may do, under one name on the command line, over HTTP, on the page, in the table of roles and in
 * the ledger. The function it calls is the file of that name in `control/operations/`.
 */
export interface Operation<Input extends z.ZodType = z.ZodType, Answer extends z.ZodType = z.ZodType> {
  /** Kebab-case, a verb first where it changes something. */
  readonly name: string;
  /** One sentence for the API's reference, without a full stop. */
  readonly summary: string;
  /** `start` takes an idempotency key; `read` leaves no event in the ledger. */
  readonly effect: 'read' | 'start' | 'change';
  readonly input: Input;
  /** Fields of the input that hold a secret: never logged, kept, or hashed. */
  readonly secret?: readonly string[];
  readonly answer: Answer;
  /** NOT_FOUND for what does not exist, which is also what is told of what the caller may not see. */
  reach(ports: OperationPorts, input: z.output<Input>): Promise<Reach>;
  run(ports: OperationPorts, input: z.output<Input>, caller: Caller): Promise<z.input<Answer>>;
}

/** Keeps the types of input and answer while it is held to the contract, and what others own out of what it says. */
export function operation<Input extends z.ZodType, Answer extends z.ZodType>(
  one: Operation<Input, Answer>,
): Operation<Input, Answer> {
  return { ...one, run: (ports, input, caller) => withoutOthers(ports, caller, () => one.run(ports, input, caller)) };
}
