import { formatDuration } from './duration.ts';
import type { KeybatonError } from './errors.ts';
import { credentialParts } from './identifiers.ts';
import type { CredentialId, VersionId } from './identifiers.ts';
import type { Moment } from './incident.ts';
import type { Outcome } from './rotation.ts';

/**
 * What people outside keybaton are told: pagers, chat rooms, other systems. Every sentence is one of ours, chosen by what
 * happened; names, ids, counts and times are filled in. No free text enters, neither an error's nor a person's reason:
 * both may hold the very value that leaked. Who wants the whole story follows `next`.
 */
export interface Notice {
  readonly kind: NoticeKind;
  /** The same notice again has the same key: receivers and senders tell a repeat by it. */
  readonly key: string;
  /** What opens and closes together: `incident/<id>`, `alarm/<credential>/<key>`. */
  readonly about: string;
  /** When it happened, epoch milliseconds. */
  readonly at: number;
  readonly severity: 'critical' | 'error' | 'warning' | 'info';
  /** Somebody should be woken. */
  readonly page: boolean;
  readonly drill: boolean;
  /** One line. */
  readonly headline: string;
  /** Further sentences. */
  readonly lines: readonly string[];
  /** The command a person types next. */
  readonly next: string | undefined;
  readonly credential: CredentialId | undefined;
  readonly provider: string | undefined;
  readonly environment: string | undefined;
  readonly team: string | undefined;
  readonly incident: string | undefined;
  /** At most `keysTold`; `moreKeys` says how many else. */
  readonly keys: readonly NoticeKey[];
  readonly moreKeys: number;
  readonly clock: NoticeClock | undefined;
}

export type NoticeKind =
  | 'alarm.raised'
  | 'alarm.cured'
  | 'rotation.ended'
  | 'incident.declared'
  | 'incident.moment'
  | 'incident.page'
  | 'incident.failed'
  | 'incident.taken'
  | 'incident.closed';

export const keysTold = 20;

/** One key by its public names. */
export interface NoticeKey {
  readonly credential: CredentialId;
  readonly version: VersionId;
  /** The provider's own name of it, where it is known. */
  readonly keyId: string | undefined;
  readonly state: string;
}

export interface NoticeClock {
  readonly declaredAt: number;
  /** The whole of it, milliseconds. */
  readonly limit: number;
  readonly reached: Readonly<Partial<Record<Moment, number>>>;
}

/** One way out, bound to its settings. Implemented by `outbound/`. */
export interface Channel {
  readonly name: string;
  /** A repeat under the same key changes nothing at the other side. */
  readonly dropsRepeats: boolean;
  /** Does this channel want it? */
  tells(notice: Notice): boolean;
  /**
   * Sends it, idempotent by the notice's key as far as the other side allows. `memory` is what an earlier sending about the same
   * thing answered: whoever calls keeps it. Throws KeybatonError, without a word of the other side.
   */
  send(notice: Notice, memory: string | undefined, call: ChannelCall): Promise<{ readonly memory: string | undefined }>;
}

export interface ChannelCall {
  readonly signal: AbortSignal;
  readonly now: () => number;
}

/** What telling one channel came to. */
export interface Delivery {
  readonly channel: string;
  /** `again`: it may succeed later. `refused`: not without a person; said once. */
  readonly outcome: 'sent' | 'not wanted' | 'again' | 'refused';
  readonly code: KeybatonError['code'] | undefined;
  /** Milliseconds the other side asked for. */
  readonly againIn: number | undefined;
  readonly memory: string | undefined;
}

interface Alarmed {
  readonly credential: CredentialId;
  readonly team: string | undefined;
  /** The alarm's key: `held/7`. */
  readonly alarm: string;
  readonly at: number;
  /** When it was raised first, epoch milliseconds: one that was cured and comes back is another notice. */
  readonly since: number;
}

/** `reminder` counts the times it was told again while it stands; 0: it was raised. */
export function alarmNotice(alarmed: Alarmed & { readonly page: boolean; readonly reminder: number }): Notice {
  const { credential, page, reminder, at, since } = alarmed;
  const part = reminder > 0 ? `reminder-${reminder}` : page ? 'page' : 'told';
  return {
    ...ofCredential(alarmed),
    kind: 'alarm.raised',
    key: `${aboutAlarm(alarmed)}/${since}/${part}`,
    about: aboutAlarm(alarmed),
    severity: page ? 'error' : 'warning',
    page,
    headline: `${credential}: ${reminder > 0 ? 'still: ' : ''}${alarmSentence(alarmed.alarm)}`,
    lines: reminder > 0 ? [`since ${formatDuration(Math.max(0, at - since))}`] : [],
    next: `keybaton status ${credential}`,
  };
}

export function curedNotice(alarmed: Omit<Alarmed, 'since'>): Notice {
  return {
    ...ofCredential(alarmed),
    kind: 'alarm.cured',
    key: `${aboutAlarm(alarmed)}/${alarmed.at}/cured`,
    about: aboutAlarm(alarmed),
    severity: 'info',
    page: false,
    headline: `${alarmed.credential}: over: ${alarmSentence(alarmed.alarm)}`,
    next: undefined,
  };
}

/** A change beside which an outage may be looked at: one per ended rotation that changed something. */
export function rotationNotice(
  ended: Omit<Alarmed, 'alarm' | 'since'> & { readonly run: string; readonly outcome: Outcome },
): Notice {
  const { credential, run, outcome } = ended;
  return {
    ...ofCredential(ended),
    kind: 'rotation.ended',
    key: `rotation/${credential}/${run}`,
    about: `rotation/${credential}/${run}`,
    severity: 'info',
    page: false,
    headline: `${credential}: ${outcomeSentences[outcome]}`,
    next: `keybaton show ${credential}`,
  };
}

const outcomeSentences: Readonly<Record<Outcome, string>> = {
  rotated: 'rotated: the new version is proved by its consumers, the old one is dead',
  'rolled-back': 'rolled back: the earlier version is current again',
  discarded: 'the new version was discarded before anybody had it',
  indebted: 'replaced: the old version is not proved dead yet, and is worked on',
  failed: 'the rotation failed: the old version is untouched',
  observed: 'observed: nothing was changed',
  nothing: 'nothing was to be done',
};

const aboutAlarm = ({ credential, alarm }: Pick<Alarmed, 'credential' | 'alarm'>) => `alarm/${credential}/${alarm}`;

function ofCredential({ credential, team, at }: Pick<Alarmed, 'credential' | 'team' | 'at'>) {
  const { provider, environment } = credentialParts(credential);
  return {
    at,
    drill: false,
    lines: [],
    credential,
    provider,
    environment,
    team,
    incident: undefined,
    keys: [],
    moreKeys: 0,
    clock: undefined,
  };
}

/** By the beginning of the alarm's key, the longer first. */
const alarmSentences: readonly (readonly [string, string])[] = [
  ['held/expiry/', 'a held version will soon be ended by its provider'],
  ['held/copy/', 'what consumers read holds a version that must be erased'],
  ['held/', 'the rotation is held: nothing is revoked'],
  ['effect/', 'a step of the rotation fails, and no retry will help'],
  ['debt/', 'a revocation is outstanding'],
  ['by-hand/', 'a version must be killed by hand: no API can'],
  ['supply/', 'a new version must be supplied by a person'],
  ['foreign/', 'a value that keybaton did not write stands where consumers read'],
  ['copy/', 'a copy of a dead version is not erased'],
  ['refused/', 'the provider refuses a version that should live'],
  ['spent', 'create calls at the provider went unanswered'],
  ['overdue', 'overdue for rotation'],
  ['indebted', 'a revocation is outstanding'],
  ['dependent/', 'what it depends on was replaced in an incident, and it cannot be rotated after it'],
  ['drift', 'a backend shows another version than it should'],
  ['stray', 'a live key of ours is not known to the ledger'],
  ['unmanaged', 'live keys on its target belong to nobody known'],
  ['vanished', 'a key of ours is gone at the provider, and keybaton did not revoke it'],
  ['replacement/', 'a leaked version has no replacement yet'],
  ['control/', 'it cannot be told whether a revoked version is dead'],
  ['standby', 'the spare version is missing or not usable'],
  ['drill', 'the last drill is old, failed or slow'],
];

export function alarmSentence(alarm: string): string {
  return alarmSentences.find(([begins]) => alarm.startsWith(begins))?.[1] ?? 'needs attention';
}
