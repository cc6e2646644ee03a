import { rotationWorkflowId } from '../../domain/identifiers.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { plantKey } from '../../providers/in-memory/world.ts';
import { chance as newChance } from './chance.ts';
import { startInstance, type Instance } from './consumers.ts';
import { layHands } from './incidents.ts';
import { leak } from './leaks.ts';
import { foreign, oracle as newOracle } from './oracle.ts';
import type { LedgerOfSeeds } from './ledger.ts';
import { disturbsUntil, told, type Mischief } from './mischief.ts';
import { openPeople } from './people.ts';
import { retire } from './retirement.ts';
import type { Sandbox } from './sandbox.ts';
import { day, hour, lengthText, type Scenario } from './scenario.ts';
import { ledgerStory } from './ledger-story.ts';
import { startSweep } from './sweep.ts';
import { consumersOf, credential, path } from './entries.ts';
import { beginning, openWorld, type SimulatedWorld } from './world.ts';

export interface Played {
  readonly seed: number;
  readonly violations: readonly string[];
  /** What happened, oldest first; only when a story was asked for. */
  readonly story: readonly string[];
  readonly events: number;
  readonly rotations: number;
  readonly incidents: number;
  /** Simulated milliseconds. */
  readonly lasted: number;
}

/** What every seed of a process uses again. */
export interface Stage {
  readonly sandbox: Sandbox;
  readonly ledgers: LedgerOfSeeds;
}

/** Plays one scenario from beginning to end. The same scenario is the same run. */
export async function play(scenario: Scenario, stage: Stage, wantsStory = false): Promise<Played> {
  const chance = newChance(scenario.seed).fork('play');
  const story: string[] = [];
  let incidents = 0;
  const instances: Instance[] = [];
  let world: SimulatedWorld | undefined = undefined;
  const there = (): SimulatedWorld => {
    if (world === undefined) throw new Error('the world is not open yet');
    return world;
  };
  const tell = (line: string): void => {
    if (wantsStory) story.push(`${lengthText(there().agenda.now() - beginning)}  ${line}`);
  };
  const oracle = newOracle(there, instances, scenario.provider.keys === 'dual-slot');
  const opened = await openWorld({
    scenario,
    chance,
    ...stage,
    tell,
    atProvider(operation, given) {
      if (operation !== 'usage' && operation !== 'list' && operation !== 'verify')
        tell(`provider: ${operation} ${JSON.stringify((given[0] as { id?: string }).id ?? '')}`);
      oracle.atProvider(operation, given);
    },
    atLedger: oracle.atLedger,
  });
  world = opened;
  const { agenda, temporal, ledger, provider } = opened;
  for (const { id, tag } of foreign)
    plantKey(provider, { id, value: `value of ${id}`, at: beginning, ...(tag === undefined ? {} : { tag }) });

  const ofInstances = chance.fork('instances');
  const join_ = (consumer: number, number: number): void => {
    const name = `app-${consumer}`;
    instances.push(startInstance(opened, oracle, ofInstances.fork(`${name}/${number}`), name, `i${number}`));
  };
  const joinAll = (): void => {
    const before = instances.length === 0 ? 0 : instances.length + 10;
    const { consumers } = opened.entry();
    const many = 'none' in consumers ? 0 : consumers.length;
    for (let consumer = 0; consumer < many; consumer += 1)
      for (let number = 0; number < scenario.instances; number += 1) join_(consumer, before + number);
  };
  joinAll();

  const quietFrom = beginning + scenario.lasts;
  const people = openPeople(opened, quietFrom);
  const ofRetiring = chance.fork('retiring');
  const long = scenario.length === 'long';
  const shown = opened.backends.map(() => 0);
  startSweep(opened, chance, { long, ends: scenario.provider.ends !== undefined, quietFrom, tell });
  serve();
  for (const mischief of scenario.mischief)
    agenda.at(beginning + mischief.at, mischief.kind, async () => {
      if (agenda.now() > quietFrom) return;
      tell(`MISCHIEF ${told(mischief)}`);
      await happen(mischief);
    });
  agenda.at(quietFrom, 'quiet', quiet);

  await agenda.run(quietFrom + (long ? 2 * day : hour / 2), look);
  const busy = (): boolean => temporal.running().some((id) => !id.startsWith('watchTarget/'));
  for (let rounds = 0; rounds < 40 && busy() && oracle.violations.length === 0; rounds += 1)
    await agenda.run(agenda.now() + (long ? day / 2 : hour / 2), look);
  if (oracle.violations.length === 0 && busy()) oracle.broken(`does not end: ${temporal.running().join(', ')}`);
  const rest = (): Promise<void> => agenda.run(agenda.now() + (long ? day / 2 : hour / 4), look);
  if (oracle.violations.length === 0) await rest();
  // Where keys end by themselves they are rotated for ever: it is looked at between two rotations.
  for (let rounds = 0; rounds < 40 && busy() && oracle.violations.length === 0; rounds += 1) await rest();
  if (oracle.violations.length === 0) await oracle.atRest();
  const { epochs } = await ledger.facts(credential);
  if (wantsStory) for (const line of await ledgerStory(opened)) story.push(line);
  return {
    seed: scenario.seed,
    violations: oracle.violations,
    story,
    events: agenda.events(),
    rotations: epochs.length,
    incidents,
    lasted: agenda.now() - beginning,
  };

  function look(): void {
    oracle.look();
    for (const [index, backend] of opened.backends.entries()) {
      const { length } = backend.shelf(path).generations;
      // What is erased later shortens it; nobody minds being told once too often.
      if (length === shown[index]) continue;
      shown[index] = length;
      for (const instance of instances) instance.noticed();
    }
  }

  /** The API says that consumers can reach it, as long as the ledger can be told. */
  function serve(): void {
    const every = long ? hour / 2 : hour;
    agenda.at(agenda.now() + every, 'serve', serve);
    if (agenda.now() >= opened.down.ledger) void ledger.served({ every });
  }

  function quiet(): void {
    tell('from here on nothing goes wrong any more');
    provider.change((state) => (state.troubles = []));
    Object.assign(opened.down, { provider: 0, ledger: 0, wakes: 0, backends: opened.down.backends.map(() => 0) });
    temporal.duplicates = false;
  }

  /** Somebody uses it that nobody had told of. */
  async function addConsumer(): Promise<void> {
    const { consumers } = opened.entry();
    if (!opened.kept() || 'none' in consumers || consumers.length >= 4) return;
    await people.change({ consumers: consumersOf(consumers.length + 1) });
    join_(consumers.length, instances.length + 10);
  }

  /** How many more of the same application are there. */
  function others(instance: Instance | undefined): number {
    const consumer = instance?.name.split('/')[0];
    return instances.filter((one) => one.name.split('/')[0] === consumer && one.holds() !== undefined).length - 1;
  }

  async function happen(mischief: Mischief): Promise<void> {
    const now = agenda.now();
    oracle.disturbed(disturbsUntil(mischief, now));
    const one = (index: number): Instance | undefined => instances[index % Math.max(1, instances.length)];
    switch (mischief.kind) {
      case 'crash':
        return temporal.crash(mischief.downFor);
      case 'freeze':
        return temporal.freeze(mischief.for);
      case 'terminate':
        return temporal.terminate(rotationWorkflowId(credential));
      case 'provider fails':
        return scriptTrouble(provider, mischief.on, { kind: 'fail', code: mischief.code }, mischief.times);
      case 'provider loses the answer':
        return scriptTrouble(provider, mischief.on, { kind: 'lose-answer' }, mischief.times);
      case 'late create':
        return scriptTrouble(provider, 'issue', { kind: 'late-create', delay: mischief.delay });
      case 'late message':
        return opened.beLate(mischief.on, mischief.delay);
      case 'provider is down':
        opened.down.provider = now + mischief.for;
        return;
      case 'backend troubles':
        return opened.backends[mischief.backend]?.script(mischief.what, {
          operation: mischief.on,
          times: mischief.times,
        });
      case 'backend is down':
        opened.down.backends[mischief.backend] = now + mischief.for;
        return;
      case 'ledger is down':
        return opened.ledgerDown(mischief.for);
      case 'hand writes': {
        const { backend, what, restoredAfter } = mischief;
        opened.hands.write(backend, what, now);
        const restore = (): void => opened.hands.restore(backend);
        agenda.at(Math.min(now + restoredAfter, quietFrom), 'restore', restore);
        return;
      }
      case 'rotate':
        return void (await people.request('rotate'));
      case 'roll back': {
        const { epochs } = await ledger.facts(credential);
        const earlier = epochs.find(({ version }) => version !== epochs[0]?.version);
        if (earlier !== undefined) await people.request('rollBack', { version: earlier.version });
        return;
      }
      case 'pause':
        return people.ends(await people.request('pause'), mischief.for);
      case 'freeze all':
        return people.ends(await people.request('freeze'), mischief.for);
      case 'entry observes':
        return people.inMode('observe', mischief.for);
      case 'entry asks':
        agenda.at(now + mischief.agreedAfter, 'agree', () => people.request('release', { release: 'ask' }));
        return people.inMode('ask', mischief.for);
      case 'consumer is added':
        return addConsumer();
      case 'entry is retired':
        return retire({ world: opened, people, chance: ofRetiring, instances, quietFrom, comeBack: joinAll }, mischief);
      case 'take over':
      case 'close incident':
      case 'part of incident is ended':
        return layHands(opened, `incident-${incidents}`, mischief.kind);
      case 'leak':
        if (await leak(opened, oracle, chance, { ...mischief, incident: `incident-${incidents + 1}` })) incidents += 1;
        return;
      case 'consumer falls back':
        return one(mischief.instance)?.fallBack();
      case 'consumer stands still':
        return one(mischief.instance)?.standStill(now + mischief.for);
      case 'consumer joins':
        if (scenario.consumers > 0 && opened.kept())
          join_(chance.between(0, scenario.consumers - 1), instances.length + 10);
        return;
      case 'consumer leaves':
        // The last one of its name would leave a demand that nobody can meet.
        if (others(one(mischief.instance)) > 1) one(mischief.instance)?.leave();
        return;
      case 'wakes are lost':
        opened.down.wakes = now + mischief.for;
        return;
      case 'signals come twice':
        temporal.duplicates = true;
        agenda.at(now + mischief.for, 'once again', () => (temporal.duplicates = false));
        return;
    }
  }
}
