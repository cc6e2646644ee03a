import { poll } from '../servers/poll.ts';
import { jobs } from './files.ts';
import type { Play } from './play.ts';

export interface Swept {
  readonly dueFound: number;
  readonly unmanagedFound: number;
}

const handMade = 'made by hand, in the console';

/** Nobody asks for anything: a sweep finds what is due among many, and a key that keybaton did not make. */
export async function sweep(play: Play): Promise<Swept> {
  const { stage, promises, shown } = play;
  await stage.applyJobs(() => '90d');
  shown.line(`keybaton apply: ${jobs.length} further credentials, of nightly jobs`);
  const promoted = (): number =>
    jobs.filter(
      (id) => stage.events.count((event) => event.credential === id && event.kind === 'promotion.decided') > 0,
    ).length;
  const first = stage.events.newest();
  while (promoted() < jobs.length) {
    const before = promoted();
    await stage.keybaton.run('sweep', '--now');
    await poll(() => promoted() > before, { what: 'a sweep that starts what was never rotated', within: 90_000 });
    await settled(play, first);
  }
  await settled(play, first);
  shown.line(`sweeps made the first version of each, at most five at one target at a time`);

  const due = jobs.slice(0, 3);
  const from = stage.events.newest();
  await stage.models.makeByHand(handMade);
  await stage.applyJobs((id) => (due.includes(id) ? '15s' : '90d'));
  shown.line('three of them may now be no older than 15 seconds, and somebody makes a key by hand');
  const started = (): readonly (string | null)[] => [
    ...new Set(
      stage.events
        .all()
        .filter(({ n, kind, credential }) => n > from && kind === 'rotation.started' && credential !== null)
        .map(({ credential }) => credential),
    ),
  ];
  await poll(
    async () => {
      await stage.keybaton.run('sweep', '--now');
      return started().length >= due.length;
    },
    { what: 'rotations of what is due', within: 90_000, every: 1_000 },
  );
  await stage.applyJobs(() => '90d');
  await settled(play, from);
  promises.check(
    `a sweep found ${started().length} due among ${jobs.length + 2} credentials, and rotated them`,
    started().length === due.length && due.every((id) => started().includes(id)),
    started().join(', '),
  );

  const unmanaged = await unmanagedAt(play);
  const names = (await stage.models.liveKeys()).map(({ name }) => name);
  promises.check(
    `keybaton reconcile: ${unmanaged} unmanaged key, reported and left alone`,
    unmanaged === 1 && names.includes(handMade),
  );
  return { dueFound: started().length, unmanagedFound: unmanaged };
}

/** No rotation of a job that began after a moment is still open. */
async function settled({ stage }: Play, from: number): Promise<void> {
  const open = (): number => {
    const since = stage.events.all().filter(({ n, credential }) => n > from && jobs.includes(credential ?? ''));
    const count = (kind: string): number => since.filter((event) => event.kind === kind).length;
    return count('rotation.started') - count('rotation.ended');
  };
  await poll(() => open() === 0, { what: 'the end of the rotations of the jobs', within: 120_000 });
}

/** `keybaton reconcile --json` ends with 8 when it found something: what it printed is read all the same. */
async function unmanagedAt({ stage }: Play): Promise<number> {
  // The shape of what the command prints, as far as the demo looks at it.
  const { targets } = (await stage.keybaton.run('reconcile', '--target', 'openai-demo')) as {
    readonly targets: readonly { readonly keys: readonly { readonly standing: string }[] }[];
  };
  return targets.flatMap(({ keys }) => keys).filter(({ standing }) => standing === 'unmanaged').length;
}
