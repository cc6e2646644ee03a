import { issueAndStage } from '../activities/issue-and-stage.ts';
import { planNewVersion } from '../activities/plan-new-version.ts';
import { placesOf, type ActivityPorts } from '../activities/ports.ts';
import { ownEnvelope, versionOf } from '../activities/world.ts';
import type { Drills } from '../control/drill-ports.ts';
import { KeybatonError } from '../domain/errors.ts';
import type { RateLimit } from '../domain/incident.ts';
import { asTargets } from '../inventory/targets.ts';
import { startThief } from './start-thief.ts';

export interface DrillsInput {
  readonly ports: ActivityPorts;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where adapters from outside are loaded from; the thief loads them too. */
  readonly config: string | undefined;
}

/** Milliseconds between two uses by the thief, unless the provider bears less. */
const usesEvery = 250;

/** Drills with the very effects that rotations have: planned, issued and staged alike, and never promoted. */
export function openDrills({ ports, environment, config }: DrillsInput): Drills {
  return {
    async plan(credential, signal) {
      const facts = await ports.ledger.facts(credential);
      const provider = await ports.provider(facts.entry.target);
      if (provider.issue === undefined)
        throw new KeybatonError(
          'UNSUPPORTED',
          `keys at target ${provider.target} are supplied by a person, so there is none that a drill could mint; nothing was done`,
        );
      const places = await placesOf(ports, facts.entry);
      if (!places.some(({ backend }) => backend.readable))
        throw new KeybatonError(
          'UNSUPPORTED',
          `no backend of ${facts.id} can be read, so there is no value to hand to a thief; nothing was done`,
        );
      const planned = await planNewVersion(ports, facts, provider, false, signal, 'drill');
      if (planned.kind !== 'done' || planned.result === undefined)
        throw new KeybatonError('CONFLICT', planned.kind === 'done' ? 'the target has no room' : planned.reason);
      const { createSpread } = provider.traits;
      return { credential: facts.id, version: planned.result, target: provider.target, createSpread };
    },

    async issue({ credential, version }, signal) {
      const answer = await issueAndStage(
        ports,
        { credential, version, run: 'drill', compromised: [], watched: 0 },
        signal,
      );
      if (answer.kind !== 'done') throw new KeybatonError('CONFLICT', `its key was not made: ${answer.reason}`);
    },

    async steal({ credential, version, target: name }, signal) {
      const facts = await ports.ledger.facts(credential);
      const provider = await ports.provider(name);
      const places = await placesOf(ports, facts.entry);
      const envelope = await ownEnvelope(ports, provider, places, versionOf(facts, version), signal);
      if (envelope === 'absent')
        throw new KeybatonError('NOT_FOUND', 'no backend has its value, so there is nothing to hand to a thief');
      const target = asTargets(await ports.ledger.appliedTargets()).targets[name];
      if (target === undefined) throw new KeybatonError('NOT_FOUND', `target ${name} is not in targets.yml as applied`);
      return startThief(
        {
          provider: target.provider,
          target: name,
          environment: target.environment,
          installation: provider.installation,
          settings: target.settings,
          every: usesPace(target.rateLimit),
          ...(config === undefined ? {} : { config }),
        },
        envelope.material,
        environment,
      );
    },
  };
}

/** A third of what the provider bears: the kill must not stand in line behind its own thief. */
const usesPace = (rate: RateLimit | undefined): number =>
  rate === undefined ? usesEvery : Math.max(usesEvery, (3 * rate.per) / rate.calls);
