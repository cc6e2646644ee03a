import { codeOf, isKeybatonError, KeybatonError, type ErrorCode } from '../domain/errors.ts';
import type { Notice } from '../domain/notice.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';

/** What every channel is opened with. */
export interface ChannelOptions {
  /** As targets.yml calls it. */
  readonly name: string;
  readonly tells: Tells;
  /** Reads the channel's credential where its reference points, at the moment of use. */
  readonly credential: () => Promise<SecretMaterial>;
}

/** Which notices a channel wants. `alarms: pages` leaves out those that wake nobody. */
export interface Tells {
  readonly alarms: 'all' | 'pages' | 'none';
  readonly incidents: boolean;
  readonly drills: boolean;
  readonly rotations: boolean;
}

export function isWanted(tells: Tells, notice: Notice): boolean {
  switch (notice.kind) {
    case 'alarm.raised':
      return tells.alarms === 'all' || (tells.alarms === 'pages' && notice.page);
    case 'alarm.cured':
      return tells.alarms !== 'none';
    case 'rotation.ended':
      return tells.rotations;
    default:
      return tells.incidents && (tells.drills || !notice.drill);
  }
}

/**
 * Runs one call to a channel. Whatever it throws leaves as an error of the same code in words of ours: an address may be
 * a secret itself, and what the other side says is nobody's business.
 */
export async function spoken<Answer>(channel: string, call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call();
  } catch (thrown) {
    const code = codeOf(thrown);
    const retryAfter = isKeybatonError(thrown) ? thrown.retryAfter : undefined;
    throw new KeybatonError(
      code,
      `channel ${channel} ${troubles[code] ?? 'did not take a notice'}`,
      retryAfter === undefined ? {} : { retryAfter },
    );
  }
}

const troubles: Partial<Record<ErrorCode, string>> = {
  ACCESS_DENIED: 'refuses our credential: see `notify:` in targets.yml',
  NOT_FOUND: 'is not there, or its credential is not: see `notify:` in targets.yml',
  INVALID_CONFIG: 'does not accept what it is sent: see `notify:` in targets.yml',
  RATE_LIMITED: 'asks to be told less often',
  UNAVAILABLE: 'does not answer',
  AMBIGUOUS: 'gave no good answer: it may have taken the notice',
};

/** At most `limit` characters of UTF-16, whole signs only, with a mark that something is missing. */
export function within(limit: number, text: string): string {
  if (text.length <= limit) return text;
  const cut = text.slice(0, limit - 1);
  // A half of a pair would be no character at all.
  return `${/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut}…`;
}

/** The notice as JSON for machines: ours alone, versioned by the kind's name. */
export function noticeBody(notice: Notice): Readonly<Record<string, unknown>> {
  const { kind: _kind, key: _key, about: _about, at: _at, clock, ...told } = notice;
  return {
    ...told,
    clock: clock && {
      declaredAt: isoTime(clock.declaredAt),
      limitSeconds: Math.round(clock.limit / 1_000),
      reached: Object.fromEntries(Object.entries(clock.reached).map(([moment, at]) => [moment, isoTime(at)])),
    },
  };
}

export const isoTime = (at: number): string => new Date(at).toISOString();
