import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { People } from '../access/people.ts';
import type { Principal } from '../access/principal.ts';
import { call } from '../http-api/people/call.ts';
import type { Limits } from '../http-api/people/limits.ts';
import type { Operation, OperationPorts, Reach } from '../operations/operation.ts';
import { within } from '../operations/within.ts';
import type { Html } from './html.ts';
import { written } from './html.ts';
import { ledgerBanner } from './ledger-banner.ts';
import { layout } from './layout.ts';
import type { Page } from './layout.ts';
import { ledgerTrouble, patientPorts } from './ledger-patience.ts';
import type { LedgerPatience } from './ledger-patience.ts';
import { visitorOf } from './visitor.ts';
import { waitingIn } from './waiting.ts';

export interface WebOptions {
  readonly people: People;
  /** As for the API: without a credential of any provider. */
  readonly ports: OperationPorts;
  /**
   * What the cookie of somebody who pasted a token holds: a short one in its place. Unsaid: the token itself, in a cookie
   * that no script can read.
   */
  readonly session?: (principal: Principal) => Promise<{ readonly token: string; readonly expiresAt: number }>;
  /** Ends a session for every copy of its cookie. */
  readonly signOut?: (token: string, address: string) => Promise<void>;
  /** How long a silent ledger keeps a page waiting. */
  readonly ledger?: LedgerPatience;
  /** How often somebody may ask; unsaid: as for the API. */
  readonly limits?: Limits;
  /** Ways to sign in beside a token: links to where they begin. */
  readonly signIns?: readonly { readonly name: string; readonly path: string }[];
}

export type Answer<Asked extends Operation> = z.input<Asked['answer']>;

/** What a page can do for its visitor: operations, and nothing else. */
export interface Desk {
  ask<Input extends z.ZodType, Shape extends z.ZodType>(
    request: FastifyRequest,
    operation: Operation<Input, Shape>,
    input: z.input<Input>,
  ): Promise<z.input<Shape>>;
  /** The same for what is only read: a ledger that never answers must not leave somebody before an empty screen. */
  look<Input extends z.ZodType, Shape extends z.ZodType>(
    request: FastifyRequest,
    operation: Operation<Input, Shape>,
    input: z.input<Input>,
  ): Promise<z.input<Shape>>;
  /** What it would touch, so that only what can be done is offered. */
  reach<Input extends z.ZodType, Shape extends z.ZodType>(
    request: FastifyRequest,
    operation: Operation<Input, Shape>,
    input: z.output<Input>,
  ): Promise<Reach>;
}

/** Milliseconds: longer than Temporal's own patience, shorter than a person's. */
const patience = 9_000;

export function openDesk({ people, ports, ledger }: WebOptions): Desk {
  const portsFor = patientPorts(ports, ledger);
  const ask: Desk['ask'] = async (request, operation, input) => {
    const { principal } = visitorOf(request);
    const answer = await call({ operation, input, principal, people, ports: portsFor(request, operation) });
    // `call` answers what the operation's `run` gave it; its type forgets which operation it was.
    return answer as never;
  };
  return {
    ask,
    look: (request, operation, input) => within('keybaton', patience, ask(request, operation, input)),
    reach: (request, operation, input) =>
      within('keybaton', patience, operation.reach(portsFor(request, operation), input)),
  };
}

export async function show(request: FastifyRequest, reply: FastifyReply, page: Omit<Page, 'visitor'>): Promise<string> {
  const waiting = await waitingIn(request);
  const banner = ledgerBanner(ledgerTrouble(request));
  return send(reply, layout({ banner, ...page, visitor: visitorOf(request), waiting }));
}

/** A whole document, or a part of one for those that refresh by themselves. */
export async function send(reply: FastifyReply, page: Html): Promise<string> {
  void reply.type('text/html; charset=utf-8');
  return written(page);
}
