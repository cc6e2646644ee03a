import type { CheckFinding } from '../activities/check-finding.ts';
import type { Review, Reviews } from '../control/access/reviews.ts';
import { formatDuration } from '../domain/duration.ts';

const subject = 'break-glass';

/** One for each breaking of the glass at which nobody has looked. None where the file of this machine knows of none. */
export async function breakGlassFindings(
  reviews: Pick<Reviews, 'list'>,
  now: number,
): Promise<readonly CheckFinding[]> {
  const open = (await reviews.list()).filter(({ closed }) => closed === null);
  return open.map((one) => ({ subject, verdict: 'warning', text: textOf(one, now), remedy: remedyOf(one) }));
}

const textOf = ({ id, token, address, openedAt, told }: Review, now: number): string =>
  `review ${id} is open: the token ${token} was used from ${address} ${formatDuration(Math.max(0, now - openedAt))} ago${told === false ? ', and nobody could be woken' : ''}`;

const remedyOf = ({ id }: Review): string =>
  `a person of security looks at what was done (keybaton review list), then: keybaton review close ${id} --why ...`;
