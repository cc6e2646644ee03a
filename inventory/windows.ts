import { KeybatonError } from '../domain/errors.ts';

/** When scheduled rotations may start: minutes of the week in UTC, Monday 00:00 is 0; `from < to`. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const minutesOfDay = 24 * 60;
const week = 7 * minutesOfDay;
const day = days.join('|');
const time = '([01]\\d|2[0-3]):([0-5]\\d)|24:00';
/** `mon-fri 09:00-17:00`: on each of these days. */
const eachDay = new RegExp(`^(?:(${day})(?:-(${day}))?|(daily)) (${time})-(${time})$`);
/** `fri 22:00 to mon 04:00`: from one moment of the week to another. */
const span = new RegExp(`^(${day}) (${time}) to (${day}) (${time})$`);

export const windowForms = '"mon-fri 09:00-17:00", "daily 01:00-05:00" or "fri 22:00 to mon 04:00" (UTC)';

/** Throws INVALID_CONFIG. One text may become several windows: one per day, or two where it goes over the week's end. */
export function parseWindow(text: string): readonly Window[] {
  const spanned = span.exec(text);
  if (spanned) {
    const from = dayStart(spanned[1]) + minutes(spanned[2]);
    const to = dayStart(spanned[5]) + minutes(spanned[6]);
    return wrap(from, to);
  }
  const each = eachDay.exec(text);
  if (!each) throw new KeybatonError('INVALID_CONFIG', `expected ${windowForms}`);
  const first = each[3] === 'daily' ? 0 : days.indexOf(each[1] ?? '');
  const last = each[3] === 'daily' ? 6 : days.indexOf(each[2] ?? each[1] ?? '');
  const from = minutes(each[4]);
  const to = minutes(each[7]);
  const count = ((last - first + 7) % 7) + 1;
  return Array.from({ length: count }, (_, index) => ((first + index) % 7) * minutesOfDay).flatMap((start) =>
    wrap(start + from, start + (to > from ? to : to + minutesOfDay)),
  );
}

function wrap(from: number, to: number): readonly Window[] {
  const end = to <= from ? to + week : to;
  if (end <= week) return [{ from, to: end }];
  return [
    { from, to: week },
    { from: 0, to: end - week },
  ].filter((one) => one.from < one.to);
}

/** The span form, which can say every window. */
export function formatWindow({ from, to }: Window): string {
  return `${moment(from)} to ${to === week ? 'sun 24:00' : moment(to)}`;
}

function moment(minute: number): string {
  const inDay = minute % minutesOfDay;
  return `${days[Math.floor(minute / minutesOfDay)] ?? 'mon'} ${two(Math.floor(inDay / 60))}:${two(inDay % 60)}`;
}

const two = (value: number): string => String(value).padStart(2, '0');
const dayStart = (name: string | undefined): number => days.indexOf(name ?? '') * minutesOfDay;

function minutes(text: string | undefined): number {
  const [hours = '0', rest = '0'] = (text ?? '').split(':');
  return Number(hours) * 60 + Number(rest);
}
