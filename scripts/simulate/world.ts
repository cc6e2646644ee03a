import { createActivities } from '../../activities/activities.ts';
import { fingerprint } from '../../activities/fingerprint.ts';
import type { ActivityPorts, Workflows } from '../../activities/ports.ts';
import { createInMemoryWorld, type InMemoryWorld } from '../../backends/in-memory/world.ts';
import { inMemoryBackend } from '../../backends/in-memory.ts';
import type { Entry } from '../../domain/entry.ts';
import type { Ref } from '../../domain/facts.ts';
import {
  type CredentialId,
  rotationWorkflowId,
  settleDebtWorkflowId,
  watchTargetWorkflowId,
} from '../../domain/identifiers.ts';
import type { Pace } from '../../domain/rotation.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { proofKey, sealProofKey } from '../../evidence/possession.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { inMemory } from '../../providers/in-memory.ts';
import { inMemorySettings } from '../../providers/in-memory/settings.ts';
import { processWorld, type World } from '../../providers/in-memory/world.ts';
import { bindProvider } from '../../worker/bind-provider.ts';
import type { Agenda } from './agenda.ts';
import { agenda as newAgenda } from './agenda.ts';
import type { Chance } from './chance.ts';
import { credential, dependent, dependentEntry, entryOf, path, target } from './entries.ts';
import { escalatedRotations, incidentActivities, incidentPartRuns } from './incidents.ts';
import { installation, type LedgerOfSeeds } from './ledger.ts';
import { overLine } from './network.ts';
import { handsIn, type Hands } from './hands.ts';
import type { Sandbox } from './sandbox.ts';
import { minute, type Scenario } from './scenario.ts';
import type { Life } from './attempts.ts';
import { simulatedTemporal, type SimulatedTemporal } from './temporal.ts';

/** As in earnest, but for waits that would only fill the agenda. */
export const paceOf = ({ length }: Pick<Scenario, 'length'>): Pace =>
  length === 'long'
    ? { retryFrom: 1_000, retryTo: 300_000, renewAfter: 86_400_000, debtAfter: 6 * 3_600_000 }
    : { retryFrom: 1_000, retryTo: 300_000, renewAfter: 3_600_000, debtAfter: 1_200_000 };

/** Monday, 1 January 2029: any moment would do. */
export const beginning = 1_861_920_000_000;

/** What stands around the workflows: real activities, ledger and adapters, on lines that fail and a clock that is given. */
export interface SimulatedWorld {
  readonly agenda: Agenda;
  readonly temporal: SimulatedTemporal;
  readonly ledger: Ledger;
  readonly provider: World;
  readonly backends: readonly InMemoryWorld[];
  readonly hands: Hands;
  /** What one attempt of anything reaches the others through. */
  portsOf(life: Life): ActivityPorts;
  readonly credentials: readonly CredentialId[];
  readonly entry: () => Entry;
  readonly pace: Pace;
  /** Keys that the provider ends by itself can be given a later end. */
  readonly endsMove: boolean;
  readonly lease: number;
  /** The next such message arrives so much later than its sender believes. */
  beLate(operation: 'promote' | 'revoke', milliseconds: number): void;
  /** Changes the entry as `apply` does. */
  apply(changes: Partial<Entry>): Promise<void>;
  /** Is the entry in the inventory? */
  readonly kept: () => boolean;
  /** Removes the entry from the inventory, or puts it back. */
  keep(kept: boolean): Promise<void>;
  /** A person lets the last version of the entry that was removed die. */
  letGo(): void;
  /** It may die, or what was allowed before the entry came back is still under way. */
  readonly mayGo: () => boolean;
  /** Until when nothing gets through to it, epoch milliseconds. */
  readonly down: { provider: number; ledger: number; backends: number[]; wakes: number };
  /** Milliseconds, all together, in which the ledger was down or is going to be. */
  readonly outages: () => number;
  ledgerDown(milliseconds: number): void;
  wake(): void;
}

export interface OpenWorld {
  readonly scenario: Scenario;
  readonly chance: Chance;
  readonly sandbox: Sandbox;
  readonly ledgers: LedgerOfSeeds;
  readonly tell: (line: string) => void;
  /** What reaches the provider, at the moment of its effect. */
  readonly atProvider: (operation: string, given: readonly unknown[]) => void;
  /** What is told to the ledger, before it is written. */
  readonly atLedger: (operation: string, given: readonly unknown[]) => void;
}

export async function openWorld({
  scenario,
  chance,
  sandbox,
  ledgers,
  tell,
  atProvider,
  atLedger,
}: OpenWorld): Promise<SimulatedWorld> {
  const agenda = newAgenda(beginning);
  const ledger = ledgers.anew(agenda.now);
  const provider = processWorld();
  const { keys, makes, suspend, usage, ends, ...times } = scenario.provider;
  // Two keys that nobody here made, two of each credential, and the one that stands by.
  const maxLive = 6 + Number(scenario.standby);
  const settings = inMemorySettings.parse(scenario.dependent ? { ...times, maxLive } : times);
  const powers = { keys, makes, suspend, usage, expiry: ends !== undefined };
  const adapter = { ...inMemory({ powers, world: () => provider }) };
  if (ends !== 'movable') delete adapter.extend;
  const bound = bindProvider(adapter, {
    name: target,
    environment: 'simulated',
    installation,
    settings,
    admin: async () => admin,
  });
  const backends = Array.from({ length: scenario.backends }, () => createInMemoryWorld());
  const stores = backends.map((world, index) => inMemoryBackend(`shelf-${index}`, world));
  const down = { provider: 0, ledger: 0, backends: backends.map(() => 0), wakes: 0 };
  const pepper = Buffer.from(chance.fork('pepper').bytes(32));
  const calls = chance.fork('calls');
  const pace = paceOf(scenario);
  const inSlots = keys === 'dual-slot';
  const lates: { readonly operation: string; readonly by: number }[] = [];
  const late = (operation: string): number | undefined => {
    const index = lates.findIndex((one) => one.operation === operation);
    return index < 0 ? undefined : lates.splice(index, 1)[0]?.by;
  };
  /** A provider ends what it was told within the time it declares; only a slot that was given anew can be met later. */
  const arrives = (operation: string, [given]: readonly unknown[]): boolean => {
    // The contract's own argument.
    const ref = given as Ref;
    const tenant = provider.change((state) => state.keys.findLast((key) => key.id === ref.id));
    return operation !== 'revoke' || tenant?.tag !== ref.mark;
  };

  function portsOf(life: Life): ActivityPorts {
    const line = { agenda, chance: calls, life };
    return {
      ledger: overLine(ledger, { ...line, latency: 0, downUntil: () => down.ledger, effect: atLedger }),
      provider: async () =>
        overLine(bound, {
          ...{ ...line, latency: 200, downUntil: () => down.provider, effect: atProvider, arrives },
          ...(inSlots ? { late } : {}),
        }),
      backend: async (name) => {
        const index = Number(name.slice('shelf-'.length));
        const store = stores[index];
        if (store === undefined) throw new Error(`there is no backend ${name}`);
        return overLine(store, { ...line, latency: 50, downUntil: () => down.backends[index] ?? 0, late });
      },
      keys: {
        fingerprint: (name, material) => fingerprint(pepper, 'pepper', name, material),
        sealedProofKey: (version, material) => sealProofKey(pepper, version, proofKey(material, version)),
      },
      workflows,
      now: agenda.now,
      random: (bytes) => calls.bytes(bytes),
      sleep: async (milliseconds, signal) => {
        if (signal.aborted) return;
        // Whoever reads what is used may be slow about it.
        await agenda.sleep(milliseconds * calls.between(1, milliseconds > 5_000 ? 8 : 1));
        if (life.dead) await new Promise<never>(() => undefined);
      },
    };
  }

  const escalated = escalatedRotations(() => temporal, pace);
  const temporal: SimulatedTemporal = simulatedTemporal({
    agenda,
    chance: chance.fork('temporal'),
    sandbox,
    activitiesOf: (life) => {
      const ports = portsOf(life);
      return {
        ...createActivities(ports, () => life.signal),
        ...incidentActivities(
          ports,
          life,
          escalated,
          incidentPartRuns(() => temporal),
        ),
      };
    },
    tell,
  });
  const wake = (id: CredentialId = credential): void => {
    if (agenda.now() >= down.wakes) temporal.signal(rotationWorkflowId(id), 'wake', []);
  };
  const workflows: Workflows = {
    watchTarget: async (name) => {
      const id = watchTargetWorkflowId(name);
      if (temporal.start('watchTarget', id, [{ target: name, retryAfter: pace.retryFrom }]) === 'running')
        temporal.signal(id, 'wake', []);
    },
    settleDebt: async (id, version) =>
      void temporal.start('settleDebt', settleDebtWorkflowId(version), [{ credential: id, version, pace }]),
    wakeRotation: async (id) => wake(id),
  };

  let outages = 0;
  let entry = entryOf(scenario);
  let kept = true;
  let goesUntil = 0;
  const apply = async (): Promise<void> => {
    const entries = [...(kept ? [entry] : []), ...(scenario.dependent ? [dependentEntry(entry)] : [])];
    await ledger.applyInventory({ teams: ['sim'], entries, targets: {}, actor: 'simulation' });
  };
  await apply();
  return {
    agenda,
    temporal,
    ledger,
    provider,
    backends,
    hands: handsIn(backends, path),
    portsOf,
    credentials: scenario.dependent ? [credential, dependent] : [credential],
    entry: () => entry,
    kept: () => kept,
    async keep(keeps) {
      kept = keeps;
      goesUntil = Math.min(goesUntil, agenda.now() + minute);
      await apply();
      wake();
    },
    letGo: () => void (goesUntil = Number.POSITIVE_INFINITY),
    mayGo: () => agenda.now() < goesUntil,
    pace,
    endsMove: ends === 'movable',
    lease: scenario.lease,
    beLate: (operation, by) => void lates.push({ operation, by }),
    down,
    outages: () => outages,
    ledgerDown(milliseconds) {
      const until = agenda.now() + milliseconds;
      outages += until - Math.max(agenda.now(), down.ledger, until - milliseconds);
      down.ledger = until;
    },
    wake: () => wake(),
    async apply(changes) {
      entry = { ...entry, ...changes };
      await apply();
      wake();
    },
  };
}

const admin = new SecretMaterial({ value: 'admin' }, 'value');
