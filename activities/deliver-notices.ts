import type { Channel, Notice } from '../domain/notice.ts';
import type { Alarm, Ledger, LedgerEvent } from '../ledger/ledger.ts';
import { noticeOf } from './ledger-notice.ts';
import { keepPositions, readPositions, type Position } from './notice-positions.ts';
import { tell, type NotifyPorts } from './notify.ts';

/** Telling what the ledger has written: the events themselves are the outbox, so nothing is lost that was committed. */
export interface DeliverPorts extends NotifyPorts {
  readonly ledger: Pick<Ledger, 'history' | 'note' | 'openAlarms' | 'facts' | 'remembered' | 'remember'>;
}

export interface Delivered {
  readonly sent: number;
  /** Channels that could not be told everything, with the code of why; the next call tries them again. */
  readonly behind: readonly { readonly channel: string; readonly code: string }[];
}

const page = 200;
/** Events looked at in one call; the next one goes on. */
const most = 2_000;
/** Older than this a rotation is no suspect any more, and an alarm that is over needs no telling. */
const staleRotation = 86_400_000;
const staleAlarm = 3_600_000;

/**
 * Tells every channel what has happened since it was told last: alarms raised, standing and cured, rotations ended. At
 * least once, each under a key of its own. A channel that fails is left behind and tried again; a notice it will never take
 * is passed over and noted. A channel seen for the first time is told what happens from now on. One call at a time for
 * one ledger: two would tell twice.
 */
export async function deliverNotices(ports: DeliverPorts, signal: AbortSignal): Promise<Delivered> {
  const channels = await ports.channels();
  if (channels.length === 0) return { sent: 0, behind: [] };
  const newest = (await ports.ledger.history({ limit: 1 })).at(-1)?.n ?? 0;
  const positions = await readPositions(ports.ledger);
  const begin: Position = { n: newest, trouble: undefined };
  const lanes = channels.map((channel): Lane => ({
    channel,
    position: positions.get(channel.name) ?? begin,
    stopped: undefined,
  }));
  let sent = 0;
  try {
    let from = Math.min(...lanes.map(({ position }) => position.n));
    for (let looked = 0; looked < most && from < newest && !signal.aborted; looked += page) {
      const events = await ports.ledger.history({ afterN: from, limit: page });
      sent += await tellPage(ports, lanes, events, signal);
      from = events.at(-1)?.n ?? newest;
      if (lanes.every(({ stopped }) => stopped !== undefined)) break;
    }
  } finally {
    // Also where it broke off: what was told is not told again.
    const now = new Map(lanes.map(({ channel, position }) => [channel.name, position]));
    await keepPositions(ports.ledger, positions, now);
  }
  const behind = lanes.flatMap(({ channel, stopped }) =>
    stopped === undefined ? [] : [{ channel: channel.name, code: stopped }],
  );
  return { sent, behind };
}

interface Lane {
  readonly channel: Channel;
  position: Position;
  /** It failed in this call and is asked no further. */
  stopped: string | undefined;
}

async function tellPage(
  ports: DeliverPorts,
  lanes: readonly Lane[],
  events: readonly LedgerEvent[],
  signal: AbortSignal,
): Promise<number> {
  let sent = 0;
  const standing = new Map<string, Alarm>();
  if (events.some(({ kind }) => kind.startsWith('alarm.')))
    for (const alarm of await ports.ledger.openAlarms()) standing.set(alarmName(alarm.credential, alarm.key), alarm);
  for (const event of events) {
    if (signal.aborted) break;
    const alarm = standing.get(alarmName(event.credential, event.body['key']));
    const told = noticeOf(event, { team: undefined, standing: alarm });
    // Only what is told asks for the team: most events are not.
    const notice = told && !isStale(event, alarm, ports.now()) ? await withTeam(ports, told) : undefined;
    const outcomes = await Promise.all(lanes.map((lane) => tellLane(ports, lane, event, notice, alarm, signal)));
    sent += outcomes.filter((was) => was).length;
  }
  return sent;
}

async function withTeam(ports: DeliverPorts, notice: Notice): Promise<Notice> {
  if (notice.credential === undefined) return notice;
  return { ...notice, team: (await ports.ledger.facts(notice.credential)).entry.team };
}

/** Answers whether it was told now. */
async function tellLane(
  ports: DeliverPorts,
  lane: Lane,
  event: LedgerEvent,
  notice: Notice | undefined,
  alarm: Alarm | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const { channel, position } = lane;
  if (lane.stopped !== undefined || event.n <= position.n) return false;
  // An alarm that stands and only changed its text: another message would say nothing new.
  const onlyText = event.kind === 'alarm.raised' && alarm !== undefined && alarm.raisedAt < event.at;
  if (notice === undefined || (onlyText && !channel.dropsRepeats)) {
    lane.position = { ...position, n: event.n };
    return false;
  }
  const { outcome, code } = await tell(ports, channel, notice, undefined, signal);
  if (code === undefined) {
    lane.position = { n: event.n, trouble: outcome === 'sent' ? undefined : position.trouble };
    return outcome === 'sent';
  }
  // What this channel will never take: the next notice may be right. Anything else may be right later.
  const passedOver = code === 'INVALID_CONFIG' || code === 'UNSUPPORTED';
  lane.position = { n: passedOver ? event.n : position.n, trouble: code };
  lane.stopped = code;
  return false;
}

function isStale(event: LedgerEvent, alarm: Alarm | undefined, now: number): boolean {
  if (event.kind === 'rotation.ended') return now - event.at > staleRotation;
  const stands = event.kind === 'alarm.raised' || event.kind === 'alarm.reminded';
  return stands && alarm === undefined && now - event.at > staleAlarm;
}

const alarmName = (credential: string | undefined, key: unknown): string => `${credential ?? ''}\n${String(key)}`;
