import { z } from 'zod';
import { KeybatonError } from '../../../domain/errors.ts';
import type { Approval } from '../../access/approvals.ts';
import { grantsFor, nothingThere, reaches } from '../../access/roles.ts';
import type { AccessDesk, Caller, OperationPorts } from '../operation.ts';
import { operation } from '../operation.ts';
import { instant, list, why } from './shapes.ts';

function deskOf({ access }: OperationPorts): AccessDesk {
  if (access !== undefined) return access;
  throw new KeybatonError(
    'UNSUPPORTED',
    'people agree where they sign in, at the HTTP API: say which by KEYBATON_URL, then keybaton login',
  );
}

const approvalShape = z.object({
  id: z.string(),
  operation: z.string(),
  why: z.string().meta({ description: 'why two people must agree' }),
  input: z.unknown().meta({ description: 'what exactly would be done, without secrets' }),
  askedBy: z.string(),
  askedAt: instant,
  until: instant,
  agreed: list(z.object({ by: z.string(), at: instant })),
});
const shown = ({ what: _what, reach: _reach, agreed, ...rest }: Approval): z.output<typeof approvalShape> => ({
  ...rest,
  agreed: agreed.map(({ by, at }) => ({ by, at })),
});

const id = z.string().regex(/^[0-9a-f]{1,32}$/, 'must be an id as the list shows it');

/** Whoever may do it themselves, or watches over all of it. */
function mayAgree({ operation: what, reach }: Approval, { principal }: Caller): boolean {
  const grants = principal?.grants ?? [];
  return (
    reaches(grantsFor(what, grants), reach) ||
    reaches(
      grants.filter(({ role }) => role === 'security'),
      reach,
    )
  );
}

async function open(ports: OperationPorts, wanted: string): Promise<Approval> {
  return deskOf(ports).approvals.find(wanted, Date.now());
}

export const approvalListOperation = operation({
  name: 'approval-list',
  summary: 'What waits for a second person, of what the caller could agree to',
  effect: 'read',
  input: z.strictObject({}),
  answer: z.object({ approvals: list(approvalShape) }),
  reach: async () => ({ kind: 'what the caller sees' }),
  async run(ports, _input, caller) {
    const found = await deskOf(ports).approvals.list(Date.now());
    return { approvals: found.filter((one) => sees(one, caller)).map(shown) };
  },
});

const sees = ({ reach }: Approval, caller: Caller): boolean =>
  reach.kind === 'entries'
    ? reach.entries.every((one) => caller.sees(one))
    : caller.sees({ environment: '', team: '', groups: [] });

export const approvalGiveOperation = operation({
  name: 'approval-give',
  summary: 'Agree, as the second person, to exactly what somebody has asked for; whoever asked then does it again',
  effect: 'change',
  input: z.strictObject({ id }),
  answer: z.object({ approval: approvalShape }),
  reach: async (ports, input) => (await open(ports, input.id)).reach,
  async run(ports, input, caller) {
    const { approvals } = deskOf(ports);
    const { principal } = caller;
    if (principal?.person === null || principal?.person === undefined)
      throw new KeybatonError(
        'ACCESS_DENIED',
        'only a person can agree, signed in through the identity provider: a token may be in the hands of whoever asked',
      );
    const asked = await open(ports, input.id);
    if (!mayAgree(asked, caller))
      throw new KeybatonError('ACCESS_DENIED', 'only who may do it themselves, or security, can agree to it');
    const { person, actor: by } = principal;
    return { approval: shown(await approvals.agree({ id: input.id, person, by, now: Date.now() })) };
  },
});

export const approvalWithdrawOperation = operation({
  name: 'approval-withdraw',
  summary: 'End a question that waits for a second person',
  effect: 'change',
  input: z.strictObject({ id }),
  answer: z.object({ id: z.string(), withdrawn: z.literal(true) }),
  reach: async (ports, input) => (await open(ports, input.id)).reach,
  async run(ports, input, { actor }) {
    await deskOf(ports).approvals.withdraw({ id: input.id, by: actor, now: Date.now() });
    return { id: input.id, withdrawn: true as const };
  },
});

const reviewShape = z.object({
  id: z.string(),
  token: z.string().meta({ description: 'the break-glass token by its name in the access file' }),
  address: z.string(),
  openedAt: instant,
  told: z.boolean().nullable().meta({ description: 'was somebody woken; `null`: not known yet' }),
  uses: list(z.object({ at: instant, operation: z.string(), overrode: z.string().nullable() })),
  closed: z.object({ at: instant, by: z.string(), why: z.string() }).nullable(),
});

export const reviewListOperation = operation({
  name: 'review-list',
  summary: 'Every time the glass was broken: by which token, from where, what was done, and whether it was looked at',
  effect: 'read',
  input: z.strictObject({
    open: z.boolean().default(false).meta({ description: 'only those that nobody has closed' }),
  }),
  answer: z.object({ reviews: list(reviewShape) }),
  reach: async () => ({ kind: 'installation' }),
  async run(ports, { open: onlyOpen }) {
    const all = await deskOf(ports).reviews.list();
    return { reviews: all.filter(({ closed }) => !onlyOpen || closed === null) };
  },
});

export const reviewCloseOperation = operation({
  name: 'review-close',
  summary: 'Say that a person has looked at what was done while the glass was broken',
  effect: 'change',
  input: z.strictObject({ id, why }),
  answer: z.object({ review: reviewShape }),
  reach: async () => ({ kind: 'installation' }),
  async run(ports, { id: review, why: reason }, { principal, actor: by }) {
    const { reviews } = deskOf(ports);
    if (principal?.person === null || principal?.person === undefined)
      throw new KeybatonError(
        'ACCESS_DENIED',
        'only a person closes a review, signed in through the identity provider',
      );
    if (!(await reviews.list()).some((one) => one.id === review)) throw nothingThere();
    return { review: await reviews.close({ review, by, why: reason, now: Date.now() }) };
  },
});
