import { setTimeout as wait } from 'node:timers/promises';
import type { Consumer } from './consumers.ts';
import type { Counts } from './consumer.ts';
import type { Told } from './events.ts';
import { shop } from './files.ts';
import type { Promises } from './promises.ts';
import type { Show } from './show.ts';
import { madeByWorker } from './stage.ts';
import type { Stage } from './stage.ts';

/** What every act is given. */
export interface Play {
  readonly stage: Stage;
  readonly shown: Show;
  readonly promises: Promises;
  readonly web: Consumer;
  readonly orders: Consumer;
  readonly reports: Consumer;
  readonly chat: Consumer;
  readonly counts: () => Counts;
  /** Every application ends its work, and deregisters. */
  readonly leave: () => Promise<unknown>;
}

/** An event of one credential that came after a moment. */
export const after =
  (n: number, credential: string, kind: string, more: (event: Told) => boolean = () => true) =>
  (event: Told): boolean =>
    event.n > n && event.credential === credential && event.kind === kind && more(event);

export interface Asked {
  /** The newest event before it was asked for. */
  readonly from: number;
  /** The version that was current. */
  readonly before: string;
}

export interface Standing {
  readonly run: { readonly step: string; readonly waitsFor: string | null } | null;
  /** How many alarms are open. */
  readonly alarms: number;
}

/** `keybaton status <credential> --json` */
export async function statusOf({ stage }: Pick<Play, 'stage'>, credential: string): Promise<Standing> {
  // The shape of what the command prints, as far as the demo looks at it.
  const { run, summary } = (await stage.keybaton.run('status', credential)) as {
    readonly run: Standing['run'];
    readonly summary: { readonly alarms: readonly unknown[] };
  };
  return { run, alarms: summary.alarms.length };
}

/** Which version the ledger calls current, from the events told so far. */
export function currentOf({ stage }: Pick<Play, 'stage'>, credential: string): string {
  const decided = stage.events.all().filter((one) => one.kind === 'promotion.decided' && one.credential === credential);
  const version = decided.at(-1)?.version ?? undefined;
  if (version === undefined) throw new Error(`${credential} was never rotated`);
  return version;
}

/** Once no rotation of it goes on any more: the end of that one would be taken for the end of what is asked for here. */
export async function askRotation(play: Play, credential: string, why: string): Promise<Asked> {
  const { events } = play.stage;
  const startedAfter = (n: number): boolean => events.all().some(after(n, credential, 'rotation.started'));
  await events.next(
    `the end of the rotation of ${credential} before`,
    (event) => after(0, credential, 'rotation.ended')(event) && !startedAfter(event.n),
  );
  const asked = { from: play.stage.events.newest(), before: currentOf(play, credential) };
  await play.stage.keybaton.run('rotate', credential, '--why', why);
  play.shown.line(`asked for: keybaton rotate ${credential}`);
  return asked;
}

/** Waits for the end of a rotation and answers its outcome. */
export async function outcomeOf({ stage }: Pick<Play, 'stage'>, credential: string, from: number): Promise<string> {
  const ended = await stage.events.next(
    `the end of a rotation of ${credential}`,
    after(from, credential, 'rotation.ended'),
  );
  return String(ended.body['outcome']);
}

export const proofOf = (from: number, credential: string, consumer: string): ((event: Told) => boolean) =>
  after(from, credential, 'evidence.recorded', ({ body }) => body['consumer'] === consumer);

/**
 * How long after the last of these consumers had proved the newest epoch was the version first touched, by suspending it
 * or authorising its end? Milliseconds by the ledger's clock; undefined: it was touched before, or not at all.
 */
export function touchedAfterProofs(play: Play, version: string, consumers: readonly Consumer[]): number | undefined {
  const events = play.stage.events.all().filter((event) => event.credential === shop);
  const { n = 0, epoch = 0 } = events.findLast((event) => event.kind === 'promotion.decided') ?? {};
  const since = events.filter((event) => event.n > n);
  const touched = since.find(
    (event) => event.version === version && (event.kind === 'version.suspended' || event.kind === 'revoke.authorised'),
  );
  const proofs = consumers.map(({ name }) =>
    since.findLast((event) => event.epoch === epoch && proofOf(n, shop, name)(event)),
  );
  if (touched === undefined || proofs.some((proof) => proof === undefined || proof.n > touched.n)) return undefined;
  return touched.at - Math.max(...proofs.map((proof) => proof?.at ?? 0));
}

/** A login as a raw client needs it: found by asking the server, since the driver knows values and not whose they are. */
export async function loginOf({ stage }: Play, version: string): Promise<{ username: string; password: string }> {
  const login = (await stage.database.logins()).find(({ mark }) => mark?.endsWith(`:${version}`) === true);
  if (login === undefined) throw new Error(`no login carries the mark of ${version}`);
  const made = stage.values.all().filter(({ what }) => what === madeByWorker);
  for (const { value } of made.toReversed())
    if (await stage.database.letsIn(login.name, value)) return { username: login.name, password: value };
  throw new Error(`${login.name} lets nobody in with a value the worker made`);
}

export const letsIn = ({ stage }: Play, login: { username: string; password: string }): Promise<boolean> =>
  stage.database.letsIn(login.username, login.password);

/**
 * Live credentials of ours, counted at the providers, that are not the current version and stay so: what a rotation still
 * uses is none, and on a slow machine one may go on for a while, or be told late. A stray would be there for ever.
 */
export async function strays(play: Play): Promise<number> {
  let left = await notCurrent(play);
  for (const until = Date.now() + 60_000; left > 0 && Date.now() < until; left = await notCurrent(play))
    await wait(500);
  return left;
}

async function notCurrent(play: Play): Promise<number> {
  const { stage } = play;
  const shopVersion = currentOf(play, shop);
  const currents = new Map(
    stage.events
      .all()
      .filter(({ kind }) => kind === 'promotion.decided')
      .map(({ credential, version }) => [credential, version]),
  );
  const logins = (await stage.database.logins()).filter(
    (one) => one.canLogIn && !one.mark?.endsWith(`:${shopVersion}`),
  );
  // Ours by their name; a key that a person made bears no mark.
  const ours = (await stage.models.liveKeys()).filter(({ name }) => /^[a-z0-9]{4,12}:kb[a-z0-9]{30}$/.test(name));
  const keys = ours.filter(({ name }) => ![...currents.values()].some((version) => name.endsWith(`:${version}`)));
  return logins.length + keys.length;
}
