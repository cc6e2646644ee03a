import { formatDuration } from '../domain/duration.ts';
import { moments, shares } from '../domain/incident.ts';
import type { Notice } from '../domain/notice.ts';
import { isoTime, within } from './notice.ts';

/** Block Kit: at most 50 blocks, 3000 characters in a section, 150 in a header (https://docs.slack.dev/reference/block-kit/blocks). */
export interface SlackMessage {
  /** What notifications and screen readers show. */
  readonly text: string;
  readonly blocks: readonly Readonly<Record<string, unknown>>[];
}

const sectionLimit = 3_000;

export function slackMessage(notice: Notice): SlackMessage {
  const about = [
    notice.provider && `provider ${notice.provider}`,
    notice.environment && `environment ${notice.environment}`,
    notice.team && `team ${notice.team}`,
  ].filter((part) => part !== undefined);
  const sections = [
    [...notice.lines, ...(about.length > 0 ? [about.join(', ')] : [])].join('\n'),
    clockText(notice),
    keysText(notice),
    notice.next === undefined ? '' : `next: \`${notice.next}\``,
  ];
  const headline = within(sectionLimit / 2, escaped(notice.headline));
  return {
    text: headline,
    blocks: [
      { type: 'section', text: { type: 'mrkdwn', text: `${marks[notice.severity]} *${headline}*` } },
      ...sections
        .filter((text) => text !== '')
        .map((text) => ({ type: 'section', text: { type: 'mrkdwn', text: within(sectionLimit, escaped(text)) } })),
      { type: 'context', elements: [{ type: 'mrkdwn', text: `keybaton, ${isoTime(notice.at)}` }] },
    ],
  };
}

/** One row of the timeline. */
export const slackThreadText = (notice: Notice): string =>
  within(sectionLimit, escaped(`${isoTime(notice.at)} ${notice.headline}`));

const marks: Readonly<Record<Notice['severity'], string>> = {
  critical: ':rotating_light:',
  error: ':red_circle:',
  warning: ':warning:',
  info: ':large_green_circle:',
};

function clockText({ clock, at }: Notice): string {
  if (clock === undefined) return '';
  const rows = moments
    .filter((moment) => moment !== 'declared')
    .map((moment) => {
      const reached = clock.reached[moment];
      const planned = formatDuration(shares[moment] * clock.limit);
      return reached === undefined
        ? `${moment}: not yet (planned: ${planned})`
        : `${moment}: after ${formatDuration(reached - clock.declaredAt)} (planned: ${planned})`;
    });
  return [`clock: ${formatDuration(at - clock.declaredAt)} of ${formatDuration(clock.limit)}`, ...rows].join('\n');
}

function keysText({ keys, moreKeys }: Notice): string {
  const rows = keys.map(({ credential, version, keyId, state }) =>
    [credential, keyId === undefined ? version : `${version} (${keyId})`, state].join(', '),
  );
  return [...rows, ...(moreKeys > 0 ? [`and ${moreKeys} more`] : [])].join('\n');
}

/** The three signs that Slack reads as markup (https://docs.slack.dev/messaging/formatting-message-text#escaping). */
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
