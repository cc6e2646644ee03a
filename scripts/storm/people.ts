import type { Chance } from '../simulate/chance.ts';
import { calm, careful, jobs, leaky, type Edits } from './files.ts';
import type { Stage } from './stage.ts';

export interface People {
  /** One thing that somebody does now. Never throws: what a command said is kept. */
  act(): Promise<void>;
  /** Two incidents that overlap. Never throws. */
  leak(): Promise<void>;
  /** Ends what they began: no pause, no freeze, nothing due, no entry of a moment. */
  goHome(): Promise<void>;
  readonly done: ReadonlyMap<string, number>;
  /** Ended in another way than done or refused because of a conflict. */
  readonly failed: readonly string[];
  /** Entries that were made and removed again. */
  readonly removed: ReadonlySet<string>;
}

const everything = [calm.shop, calm.assistant, ...leaky, careful, ...jobs];
const often = '25s';

/** Operators and application teams, who type what the command line offers: which, and about what, the seed says. */
export function people(stage: Stage, chance: Chance): People {
  const done = new Map<string, number>();
  const failed: string[] = [];
  const undo = new Map<string, readonly string[]>();
  const removed = new Set<string>();
  const waived = new Set<string>();
  const every = new Map<string, string>(jobs.slice(0, 6).map((id) => [id, often]));
  let extra: string[] = [];
  let withAbsent: string[] = [];
  let made = 0;

  /** True: it was done. A conflict is an answer: what people ask for may have become impossible. */
  async function type(what: string, ...line: readonly string[]): Promise<boolean> {
    try {
      await stage.keybaton.run(...line);
      done.set(what, (done.get(what) ?? 0) + 1);
      return true;
    } catch (thrown) {
      const text = thrown instanceof Error ? thrown.message : String(thrown);
      if (/"code":\s*"CONFLICT"/.test(text)) done.set(`${what}, refused`, (done.get(`${what}, refused`) ?? 0) + 1);
      else failed.push(text.replaceAll(/\s+/g, ' ').slice(0, 400));
      return false;
    }
  }

  async function edit(what: string): Promise<void> {
    const edits: Edits = { every, extra, withAbsent };
    try {
      await stage.apply(edits);
      done.set(what, (done.get(what) ?? 0) + 1);
    } catch (thrown) {
      failed.push((thrown instanceof Error ? thrown.message : String(thrown)).replaceAll(/\s+/g, ' ').slice(0, 400));
    }
  }

  const stop = async (kind: 'pause' | 'freeze', end: 'unpause' | 'thaw'): Promise<void> => {
    const id = chance.pick(everything);
    if (undo.has(`${kind} ${id}`)) return;
    if (await type(kind, kind, id, '--why', 'a storm')) undo.set(`${kind} ${id}`, [end, id, '--why', 'over']);
  };

  async function undoOne(): Promise<void> {
    const [key] = undo.keys();
    const line = key === undefined ? undefined : undo.get(key);
    if (key === undefined || line === undefined) return;
    undo.delete(key);
    await type(line[0] ?? '', ...line);
  }

  /** Two incidents that have a credential in common, declared at nearly the same moment. */
  async function leak(): Promise<void> {
    const [first, shared, second] = shuffled(leaky);
    if (first === undefined || shared === undefined || second === undefined) return;
    const declare = (why: string, ...ids: readonly string[]): Promise<boolean> =>
      type('emergency', 'emergency', ...ids, '--reason', why, '--no-wait');
    await Promise.all([declare('seen in a log', first, shared), declare('seen again', shared, second)]);
  }

  function shuffled<Item>(items: readonly Item[]): Item[] {
    return items
      .map((item) => ({ item, order: chance.next() }))
      .toSorted((one, other) => one.order - other.order)
      .map(({ item }) => item);
  }

  async function changeInventory(): Promise<void> {
    const kind = chance.pick(['schedule', 'add', 'remove', 'absent'] as const);
    if (kind === 'schedule') {
      const id = chance.pick([calm.shop, calm.assistant, ...jobs]);
      every.set(id, `${chance.between(15, 60)}s`);
      return edit('another schedule');
    }
    if (kind === 'add' && extra.length < 3) {
      made += 1;
      extra = [...extra, `openai/storm/extra-${made}`];
      return edit('an entry added');
    }
    const [oldest] = extra;
    if (kind === 'remove' && oldest !== undefined) return remove(oldest);
    const job = chance.pick(jobs.slice(6));
    if (withAbsent.includes(job)) return;
    withAbsent = [...withAbsent, job];
    await edit('a consumer that never comes');
    await type('rotate', 'rotate', job, '--why', 'a storm');
  }

  async function remove(id: string): Promise<void> {
    extra = extra.filter((one) => one !== id);
    await edit('an entry removed');
    removed.add(id);
    // One that never had a version is gone with its entry.
    if (stage.record.currentOf(id) !== undefined) await type('release', 'release', id, '--retire', '--why', 'removed');
  }

  /** What waits for a person by its own rules is let go on. */
  async function letGoOn(): Promise<void> {
    const open = stage.record.open();
    if (open.includes(careful)) await type('release', 'release', careful, '--ask', '--why', 'looked at');
    for (const job of withAbsent.filter((one) => open.includes(one))) {
      waived.add(job);
      await type('waive', 'waive', job, 'absent', '--why', 'it never came');
    }
    const [job] = withAbsent.filter((one) => waived.has(one) && !open.includes(one));
    if (job === undefined) return;
    waived.delete(job);
    withAbsent = withAbsent.filter((one) => one !== job);
    await edit('a consumer taken out');
  }

  const acts: readonly (() => Promise<unknown>)[] = [
    () => type('rotate', 'rotate', chance.pick(everything), '--why', 'a storm'),
    () => type('rotate', 'rotate', chance.pick([calm.shop, calm.assistant]), '--why', 'a storm'),
    () => stop('pause', 'unpause'),
    () => stop('freeze', 'thaw'),
    undoOne,
    undoOne,
    () => type('rollback', 'rollback', chance.pick([calm.shop, calm.assistant]), '--why', 'a storm'),
    () => type('rollback', 'rollback', chance.pick(everything), '--why', 'a storm'),
    letGoOn,
    letGoOn,
    changeInventory,
    changeInventory,
  ];

  return {
    done,
    failed,
    removed,
    leak,
    act: async () => void (await chance.pick(acts)()),
    async goHome() {
      while (undo.size > 0) await undoOne();
      every.clear();
      await edit('another schedule');
      while (withAbsent.some((job) => stage.record.open().includes(job))) await letGoOn();
      withAbsent = [];
      for (const id of [...extra]) await remove(id);
      await edit('another schedule');
    },
  };
}
