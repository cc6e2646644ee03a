import type { z } from 'zod';
import {
  approvalGiveOperation,
  approvalListOperation,
  approvalWithdrawOperation,
  reviewCloseOperation,
  reviewListOperation,
} from '../../operations/table/agree.ts';
import type { Command } from '../command.ts';
import { count, moment, printable, relative, wrapped } from '../text.ts';

type Approval = z.output<typeof approvalListOperation.answer>['approvals'][number];
type Review = z.output<typeof reviewListOperation.answer>['reviews'][number];

const whereOnly = 'It is asked at the API, where people sign in: KEYBATON_URL or KEYBATON_PROFILE says which.';
const approvalId = [{ name: 'approval', about: 'its id, as approval list and the refusal show it' }];

/** All of it: nobody agrees to what they were not shown. */
const approvalText = (one: Approval, now: number, width: number): string =>
  [
    printable(`${one.id}  ${one.operation}, asked by ${one.askedBy} ${relative(one.askedAt, now)}`),
    wrapped(`exactly: ${JSON.stringify(one.input)}`, width, '  '),
    wrapped(`two people, since ${one.why}`, width, '  '),
    wrapped(
      `agreed: ${one.agreed.map(({ by }) => by).join(', ') || 'nobody yet'}; ends ${relative(one.until, now)}`,
      width,
      '  ',
    ),
  ].join('\n');

export const approvalListCommand: Command = {
  name: 'approval list',
  summary: 'Show what waits for a second person, of what you could agree to',
  about: whereOnly,
  answers: ['approvals'],
  examples: [{ line: 'keybaton approval list', about: 'who asked for what exactly, and until when it waits' }],
  async run({ output, call }) {
    const { approvals } = await call(approvalListOperation, {});
    const now = Date.now();
    output.answer({ approvals }, () =>
      approvals.length === 0
        ? 'nothing waits for a second person'
        : approvals.map((one) => approvalText(one, now, output.width)).join('\n\n'),
    );
    return 0;
  },
};

export const approvalGiveCommand: Command = {
  name: 'approval give',
  summary: 'Agree, as the second person, to exactly what somebody has asked for',
  about: `Whoever asked then types the same again. A token of a program cannot agree. ${whereOnly}`,
  arguments: approvalId,
  answers: ['approval'],
  examples: [{ line: 'keybaton approval give 1f3a9c0b2d4e', about: 'once approval list has shown what it is' }],
  async run({ output, call }, given) {
    const { approval } = await call(approvalGiveOperation, { id: given.argument(0) });
    output.answer({ approval }, () =>
      [
        `you have agreed:\n${approvalText(approval, Date.now(), output.width)}`,
        printable(`next: ${approval.askedBy} types the same again, until ${moment(approval.until)} UTC`),
      ].join('\n'),
    );
    return 0;
  },
};

export const approvalWithdrawCommand: Command = {
  name: 'approval withdraw',
  summary: 'End a question that waits for a second person',
  about: whereOnly,
  arguments: approvalId,
  answers: ['id', 'withdrawn'],
  examples: [{ line: 'keybaton approval withdraw 1f3a9c0b2d4e', about: 'nobody can agree to it any more' }],
  async run({ output, call }, given) {
    const done = await call(approvalWithdrawOperation, { id: given.argument(0) });
    output.answer(done, () => 'withdrawn');
    return 0;
  },
};

const reviewText = ({ id, token, address, openedAt, told, uses, closed }: Review, now: number, width: number): string =>
  [
    printable(
      `${id}  ${token} from ${address}, ${relative(openedAt, now)}: ${closed === null ? 'open' : `closed by ${closed.by}`}`,
    ),
    ...(told === true
      ? []
      : [`  ${told === false ? 'nobody could be woken' : 'not known yet whether somebody was woken'}`]),
    ...uses.map(({ at, operation, overrode }) =>
      wrapped(`${moment(at)} ${operation}${overrode === null ? '' : `, alone although ${overrode}`}`, width, '  '),
    ),
    ...(closed === null ? [] : [wrapped(`${moment(closed.at)} closed: ${closed.why}`, width, '  ')]),
  ].join('\n');

export const reviewListCommand: Command = {
  name: 'review list',
  summary: 'Show every time the glass was broken, what was done with it, and whether somebody has looked at that',
  about: whereOnly,
  options: [{ flags: '--open', about: 'only those that nobody has closed' }],
  answers: ['reviews'],
  examples: [{ line: 'keybaton review list --open', about: 'what a person of security has to look at' }],
  async run({ output, call }, given) {
    const { reviews } = await call(reviewListOperation, given.flag('open') ? { open: true } : {});
    const now = Date.now();
    output.answer({ reviews }, () =>
      reviews.length === 0
        ? `no review${given.flag('open') ? ' is open' : ': the glass was never broken'}`
        : reviews.map((one) => reviewText(one, now, output.width)).join('\n\n'),
    );
    return 0;
  },
};

export const reviewCloseCommand: Command = {
  name: 'review close',
  summary: 'Say, as a person of security, that you have looked at what was done while the glass was broken',
  about: whereOnly,
  arguments: [{ name: 'review', about: 'its id, as review list shows it' }],
  options: [{ flags: '--why <reason>', about: 'for the record' }],
  answers: ['review'],
  examples: [
    { line: 'keybaton review close 9c0b2d4e1f3a --why "read with Ann: all wanted"', about: 'it stays listed' },
  ],
  async run({ output, call }, given) {
    const why = given.required('why', 'say what you have seen');
    const { review } = await call(reviewCloseOperation, { id: given.argument(0), why });
    output.answer({ review }, () => `closed, with ${count(review.uses.length, 'use')}`);
    return 0;
  },
};
