import { setTimeout as wait } from 'node:timers/promises';
import { poll } from '../servers/poll.ts';
import type { Hold, HoldingProxy } from '../servers/holding-proxy.ts';
import { nameOf, type Cell } from './cells.ts';
import { judge, type Verdict } from './verdict.ts';
import type { Watch } from './watch.ts';
import type { Subject, World } from './world.ts';

export interface CellEnd extends Verdict {
  readonly cell: Cell;
  /** It was held at its point when the process was killed. */
  readonly reached: boolean;
  readonly deadCurrent: number;
}

/** How long the first to arrive can be held: who calls a backend gives up after 8 s. Milliseconds. */
const heldFor = 6_500;
/** How long the first may take to arrive. */
const arrival = 40_000;
/** For everything to come to rest again. */
const patience = 150_000;

/** Effects at the end of a rotation. */
const late = /revoke|destroy|dead|ended|suspend|authorised|began/;

interface Played {
  readonly cell: Cell;
  readonly subject: Subject;
}

/** The shape of what `keybaton list --json` prints, as far as it is looked at. */
interface Listed {
  readonly credentials: readonly {
    readonly id: string;
    readonly current: { readonly version: string } | null;
    readonly rotating: boolean;
    readonly debts: readonly string[];
    readonly compromised: readonly string[];
  }[];
}

/** The first version of every credential. */
export async function firstVersions(world: World, watch: Watch): Promise<void> {
  await world.apply();
  await rotate(world, world.subjects);
  const all = (): boolean => world.subjects.every(({ label }) => watch.current.has(label));
  await poll(() => all(), { what: 'first versions', within: patience, every: 100 });
  return rest(world, watch, all);
}

async function rotate(world: World, subjects: readonly Subject[]): Promise<void> {
  await Promise.all(subjects.map(({ id }) => world.keybaton.run('rotate', id, '--why', 'every 90 days')));
}

/** Plays cells that lose the same process: all are held at their points, it is killed, started again, and everything is judged. */
export async function playBatch(
  world: World,
  watch: Watch,
  cells: readonly Cell[],
  /** Done to the first credential once all is at rest: what the verdict must notice. */
  harm?: 'stray' | 'death',
): Promise<readonly CellEnd[]> {
  const free = [...world.subjects];
  const played = cells.map((cell): Played => {
    const at = free.findIndex((one) => one.family === cell.family && one.scenario === cell.scenario);
    const [subject] = free.splice(at, 1);
    if (at === -1 || subject === undefined) throw new Error(`no credential is left for ${nameOf(cell)}`);
    return { cell, subject };
  });
  const of = (scenario: Cell['scenario']): readonly Played[] => played.filter(({ cell }) => cell.scenario === scenario);
  const victim = cells[0]?.victim ?? 'worker';
  const soaking = new Map([
    ...of('roll-back').map(({ subject }) => [subject.label, '10m'] as const),
    ...of('scheduled')
      .filter(({ cell }) => cell.effect === 'suspend')
      .map(({ subject }) => [subject.label, '1s'] as const),
  ]);
  if (soaking.size > 0) await world.apply((label) => soaking.get(label) ?? '0s');
  await prepareRollBacks(world, watch, of('roll-back'));

  const before = new Map(watch.current);
  const deadBefore = new Map(watch.dead);
  const holds = new Map(played.map((one) => [one, arm(world, one)]));
  // Who has the longest way begins first, so that nobody is held for longer than a call may take.
  const isLate = ({ cell }: Played): boolean => late.test(cell.effect);
  const [first, second] = [played.filter(isLate), played.filter((one) => !isLate(one))];
  const standing = (wave: readonly Played[]): number => wave.filter((one) => holds.get(one)?.().stands === true).length;
  let heldSince: number | undefined;
  for (const [wave, patient] of [
    [first, second.length === 0 ? heldFor : heldFor / 2],
    [second, heldFor],
  ] as const) {
    await begin(world, wave);
    for (const began = Date.now(); standing(wave) < wave.length && Date.now() - began < arrival; await wait(50)) {
      if (standing(played) > 0) heldSince ??= Date.now();
      if (heldSince !== undefined && Date.now() - heldSince > patient) break;
    }
  }
  const reached = new Set(played.filter((one) => holds.get(one)?.().stands === true));

  await world.kill(victim);
  for (const line of Object.values<HoldingProxy>(world.lines)) {
    line.forget();
    // Nobody is left to send or to hear what a killed worker was about; else it goes on as if nothing had been.
    if (victim === 'worker') line.drop();
    else line.release();
  }
  await world.restart(victim);
  await world.keepWorker();
  await world.apply();
  const replaced = (): boolean =>
    [...of('scheduled'), ...of('emergency')].every(
      ({ subject }) => watch.current.get(subject.label) !== before.get(subject.label),
    );
  await rest(world, watch, replaced);
  const [harmed] = played;
  if (harm !== undefined && harmed !== undefined)
    await world.families[harmed.subject.family].sabotage(harmed.subject.label, harm);
  return judgeAll(world, watch, { played, before, deadBefore, reached });
}

/** What is armed for a cell; `stands`: it is held now. */
function arm(world: World, { cell, subject }: Played): () => { readonly stands: boolean } {
  const { lines, families } = world;
  const { label, family } = subject;
  const { effect, point } = cell;
  const kind = effect.startsWith('ledger:') ? effect.slice('ledger:'.length) : undefined;
  const ofLabel = new RegExp(label);
  let hold: Hold | undefined;
  const sent: Readonly<Record<string, RegExp>> = {
    stage: new RegExp(`^(POST|PUT) [^ ]*/keybaton-staging/ai/${label}/kb`),
    promote: new RegExp(`^(POST|PUT) [^ ]*/data/ai/${label} `),
    destroy: new RegExp(`^(DELETE [^ ]*/keybaton-staging/ai/${label}/kb|(POST|PUT) [^ ]*/destroy/ai/${label} )`),
    notify: /^POST /,
  };
  if (kind !== undefined) {
    const event = new RegExp(`insert into "events"[^]*(${kind}[^]*${label}|${label}[^]*${kind})`);
    hold = lines.ledger.hold({ sent: event, answered: /COMMIT\0/, holds: 'answer' });
  } else {
    const provider = ['issue', 'revoke', 'suspend', 'resume'].includes(effect);
    const line = provider ? lines[family] : effect === 'notify' ? lines.notify : lines.backend;
    // The list above says which these are.
    const rule = provider ? families[family].rule(label, effect as 'issue') : sent[effect] && { sent: sent[effect] };
    if (rule === undefined) throw new Error(`${family} has no ${effect}`);
    if (point === 'unrecorded')
      void line
        .hold({ ...rule, holds: 'passed' })
        .applied.then(() => (hold = lines.ledger.hold({ sent: ofLabel, holds: 'request' })));
    else hold = line.hold({ ...rule, holds: point === 'before' ? 'request' : 'answer' });
  }
  return () => ({ stands: hold?.stands() === true });
}

/** They are in the middle of a rotation that waits: the new version is current, the old one can come back. */
async function prepareRollBacks(world: World, watch: Watch, played: readonly Played[]): Promise<void> {
  if (played.length === 0) return;
  const before = new Map(watch.current);
  await rotate(
    world,
    played.map(({ subject }) => subject),
  );
  const moved = (label: string): boolean => watch.current.get(label) !== before.get(label);
  const suspended = ({ label, family }: Subject): boolean =>
    family !== 'postgres-roles' || watch.live().get(label)?.length === 1;
  await poll(() => played.every(({ subject }) => moved(subject.label) && suspended(subject)), {
    what: 'rotations that can be rolled back',
    within: patience,
    every: 100,
  });
}

async function begin(world: World, wave: readonly Played[]): Promise<void> {
  const of = (scenario: Cell['scenario']): readonly Played[] => wave.filter(({ cell }) => cell.scenario === scenario);
  const [scheduled, emergencies] = [of('scheduled'), of('emergency')];
  await Promise.all([
    rotate(
      world,
      scheduled.map(({ subject }) => subject),
    ),
    emergencies.length > 0
      ? world.keybaton.run(
          'emergency',
          ...emergencies.map(({ subject }) => subject.id),
          ...['--reason', 'seen in a public repository', '--no-wait'],
        )
      : undefined,
    ...of('roll-back').map(({ subject }) =>
      world.keybaton.run('rollback', subject.id, '--why', 'it lacks a permission'),
    ),
  ]);
}

/** Waits until one version of each lives, which consumers read, and nothing is owed; or gives up: then the verdict tells. */
async function rest(world: World, watch: Watch, replaced: () => boolean): Promise<void> {
  const quiet = (): boolean =>
    replaced() &&
    world.subjects.every(({ label }) => {
      const live = watch.live().get(label) ?? [];
      return live.length === 1 && live[0] === watch.current.get(label);
    });
  for (const began = Date.now(); Date.now() - began < patience;) {
    await poll(() => quiet(), { what: 'rest', within: 15_000, every: 100 }).catch(() => undefined);
    await world.keepWorker();
    if (quiet()) {
      const { credentials } = await list(world);
      if (credentials.every((one) => !one.rotating && one.debts.length + one.compromised.length === 0)) break;
      await wait(1_000);
    }
    // As the Schedule would: what was lost is started again.
    else await world.keybaton.run('sweep', '--now');
  }
}

// The shape of what the command prints.
const list = async (world: World): Promise<Listed> => (await world.keybaton.run('list')) as Listed;

async function judgeAll(
  world: World,
  watch: Watch,
  batch: {
    readonly played: readonly Played[];
    readonly before: ReadonlyMap<string, string>;
    readonly deadBefore: ReadonlyMap<string, number>;
    readonly reached: ReadonlySet<Played>;
  },
): Promise<readonly CellEnd[]> {
  await watch.look();
  const { credentials } = await list(world);
  const gone = (await Promise.all(Object.values(world.families).map((one) => one.bystandersGone()))).flat();
  return Promise.all(
    batch.played.map(async (one): Promise<CellEnd> => {
      const { subject, cell } = one;
      const { label, id } = subject;
      const fields = (await world.vault.read(`ai/${label}`)) ?? {};
      const live = watch.live().get(label) ?? [];
      const listed = credentials.find((each) => each.id === id);
      const deadCurrent = (watch.dead.get(label) ?? 0) - (batch.deadBefore.get(label) ?? 0);
      const current = typeof fields['keybaton_version'] === 'string' ? fields['keybaton_version'] : undefined;
      const verdict = judge({
        scenario: cell.scenario,
        current,
        accepted: await world.families[subject.family].accepts(fields),
        before: batch.before.get(label),
        live,
        // A command of its own for each would take longer than the cell.
        known: live.length === 1 && live[0] === listed?.current?.version ? live : await knownAlive(world, id),
        debts: listed?.debts ?? [],
        rotating: listed?.rotating ?? true,
        bystanderGone: gone.includes(label),
        deadCurrent,
      });
      return { cell, reached: batch.reached.has(one), deadCurrent, ...verdict };
    }),
  );
}

/** Versions that keybaton does not call dead. */
async function knownAlive(world: World, id: string): Promise<readonly string[]> {
  // The shape of what the command prints.
  const { versions } = (await world.keybaton.run('show', id)) as {
    readonly versions: readonly { readonly id: string; readonly dead: object | null }[];
  };
  return versions.filter(({ dead }) => dead === null).map((version) => version.id);
}
