import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openAccessEvents } from '../control/access/access-events.ts';
import type { AccessFolder } from '../control/access-folder.ts';
import type { AccessEvent, AccessEvents } from '../control/access/access-events.ts';
import { openAccessFile } from '../control/access/access-reader.ts';
import { openEndedSessions } from '../control/access/ended-sessions.ts';
import { openKillAllowance } from '../control/access/kill-allowance.ts';
import { openApprovals } from '../control/access/approvals.ts';
import type { AccessReader } from '../control/access/access-reader.ts';
import { openPeople } from '../control/access/open-people.ts';
import type { OpenedPeople } from '../control/access/open-people.ts';
import { openOwnTokens } from '../control/access/own-tokens.ts';
import { openRefusedSignIns } from '../control/access/refused-sign-ins.ts';
import type { RefusedSignIns } from '../control/access/refused-sign-ins.ts';
import { openReviews } from '../control/access/reviews.ts';
import type { Review } from '../control/access/reviews.ts';
import { openSignedTokens } from '../control/access/signed-tokens.ts';
import type { KeySource, SignedTokens } from '../control/access/signed-tokens.ts';
import type { AccessDesk } from '../control/operations/operation.ts';
import { within } from '../control/operations/within.ts';
import { KeybatonError } from '../domain/errors.ts';
import type { Notice } from '../domain/notice.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { openLedger } from '../ledger/open.ts';
import { readAdmin } from './admin-material.ts';
import { openChannels } from './channels.ts';
import { readSettings } from './settings.ts';
import type { Settings } from './settings.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface PeopleParts {
  readonly people: OpenedPeople;
  readonly access: AccessDesk;
  readonly events: AccessEvents;
  readonly refused: RefusedSignIns;
  readonly signed: SignedTokens;
  readonly file: AccessReader;
}

export interface PeopleInput {
  readonly settings: Pick<Settings, 'home'>;
  readonly environment: Environment;
  readonly key: KeySource;
  readonly ledger: () => Promise<Pick<Ledger, 'note'>>;
  readonly trouble: (what: string, code: string) => void;
}

/** `KEYBATON_ACCESS`, or `access.yml` in the folder of the installation. */
export const accessPath = (home: string, environment: Environment): string =>
  environment['KEYBATON_ACCESS'] ?? join(home, 'access.yml');

/** Approvals, reviews and our own tokens: files of this installation's folder. */
export function openAccessDesk(home: string, trouble?: (what: string) => void): AccessDesk {
  return {
    tokens: openOwnTokens(join(home, 'access-tokens.jsonl')),
    approvals: openApprovals(join(home, 'approvals.jsonl')),
    reviews: openReviews(join(home, 'break-glass.jsonl')),
    kills: openKillAllowance(join(home, 'kills-alone.jsonl'), trouble),
  };
}

/** For commands on the host of the API: needs neither ledger nor key; what they did waits on disk for a ledger that is down. */
export async function openAccessFolder(environment: Environment): Promise<AccessFolder> {
  const { home, ledgerUrl } = readSettings(environment);
  return {
    ...openAccessDesk(home),
    path: accessPath(home, environment),
    record: (event) => recordOnce(home, ledgerUrl, event),
    now: () => Date.now(),
    random: (bytes) => randomBytes(bytes),
  };
}

async function recordOnce(home: string, ledgerUrl: string, event: AccessEvent): Promise<void> {
  let opened: Promise<Ledger> | undefined;
  const open = async (): Promise<Ledger> => {
    const file = /^sqlite:(.*)$/.exec(ledgerUrl)?.[1];
    // A command about tokens makes no ledger where there is none yet.
    if (file !== undefined && !existsSync(file)) throw new KeybatonError('UNAVAILABLE', 'there is no ledger yet');
    return (opened ??= openLedger({ url: ledgerUrl }));
  };
  const events = openAccessEvents(join(home, 'access-events.jsonl'), open, () => undefined);
  await events.write(event);
  await events.close();
  if (opened === undefined) return;
  await within(
    'the ledger',
    3_000,
    opened.then((ledger) => ledger.close()),
  ).catch(() => undefined);
}

/** The guard of the people's side; undefined where there is no access file: then there is no people's side. */
export async function peopleOf({
  settings: { home },
  environment,
  key,
  ledger,
  trouble,
}: PeopleInput): Promise<PeopleParts | undefined> {
  const file = await openAccessFile(accessPath(home, environment), trouble);
  if (file === undefined) return undefined;
  const access = openAccessDesk(home, (what) => trouble(what, 'UNAVAILABLE'));
  const signed = openSignedTokens(key);
  const events = openAccessEvents(join(home, 'access-events.jsonl'), ledger, (what) => trouble(what, 'UNAVAILABLE'));
  const wake = async (review: Review): Promise<void> => {
    const channels = openChannels((await file.current()).notify, (reference) =>
      readAdmin(reference, environment, nowhere),
    );
    const woken = await Promise.allSettled(
      channels
        .filter((one) => one.tells(brokenGlass(review)))
        .map((one) =>
          one.send(brokenGlass(review), undefined, { signal: AbortSignal.timeout(10_000), now: () => Date.now() }),
        ),
    );
    if (woken.some(({ status }) => status === 'fulfilled')) return;
    trouble('the glass was broken and nobody could be woken', 'UNAVAILABLE');
    throw new KeybatonError('UNAVAILABLE', 'nobody could be woken');
  };
  void events.drain();
  const refused = openRefusedSignIns({
    events,
    now: () => Date.now(),
    trouble: (what) => trouble(what, 'UNAVAILABLE'),
  });
  const ended = openEndedSessions(join(home, 'ended-sessions'));
  const people = openPeople({ file, ...access, signed, ended, events, refused, wake, now: () => Date.now() });
  return { people, access, events, refused, signed, file };
}

/** Channels that wake security must not depend on what they tell of: a credential that keybaton itself keeps. */
export const nowhere = {
  managed: () =>
    Promise.reject(new KeybatonError('UNSUPPORTED', 'a secret of the access file is named by env: or file:')),
  looked: () =>
    Promise.reject(new KeybatonError('UNSUPPORTED', 'a secret of the access file is named by env: or file:')),
};

/** Somebody acts alone where two should: whoever reads it looks at what is being done, now. */
export function brokenGlass({ id, token, address, openedAt }: Review): Notice {
  return {
    kind: 'alarm.raised',
    key: `access/break-glass/${id}`,
    about: `access/break-glass/${id}`,
    at: openedAt,
    severity: 'critical',
    page: true,
    drill: false,
    headline: `the break-glass token ${token} is in use, from ${address}`,
    lines: [`review ${id} is open until a person of security has closed it`],
    next: undefined,
    credential: undefined,
    provider: undefined,
    environment: undefined,
    team: undefined,
    incident: undefined,
    keys: [],
    moreKeys: 0,
    clock: undefined,
  };
}
