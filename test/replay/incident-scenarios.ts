import { incidentDependentsWorkflowId, incidentPartWorkflowId, incidentWorkflowId } from '../../domain/identifiers.ts';
import { countTyped } from '../../domain/incident.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { quickIncident } from '../support/emergency-world.ts';
import { until } from '../support/until.ts';
import { alone, confirming, settled, type Scenario } from './scenario.ts';

/** Incidents and what belongs to them. */
export const incidentScenarios: Readonly<Record<string, Scenario>> = {
  'incident-of-one-key': async (stage) => {
    const play = await settled(stage, alone);
    const { incident } = await stage.declare(await stage.freeze(play));
    await stage.closed(incident);
    return { workflowId: incidentWorkflowId(incident) };
  },
  'incident-part-of-one-key': async (stage) => {
    const play = await settled(stage, alone);
    // The provider fails at first, and the key works for a while after its revoke.
    scriptTrouble(play.provider, 'revoke', { kind: 'fail', code: 'UNAVAILABLE' }, 2);
    const { incident } = await stage.declare(await stage.freeze(play));
    await stage.closed(incident);
    return { workflowId: incidentPartWorkflowId(incident, 0) };
  },
  'incident-of-two-parts': async (stage) => {
    const plays = [await settled(stage, alone), await settled(stage, alone)];
    const frozen = (await Promise.all(plays.map((play) => stage.freeze(play)))).flat();
    const { incident } = await stage.declare(frozen, { partSize: 1 });
    await stage.closed(incident);
    return { workflowId: incidentWorkflowId(incident) };
  },
  // Since the rotations of a crowd are told a few at a time, once its keys are contained.
  'incident-part-of-a-crowd': async (stage) => {
    const plays = await Promise.all(Array.from({ length: countTyped + 1 }, () => settled(stage, alone)));
    const frozen = (await Promise.all(plays.map((play) => stage.freeze(play)))).flat();
    const { incident } = await stage.declare(frozen);
    await stage.closed(incident);
    return { workflowId: incidentPartWorkflowId(incident, 0) };
  },
  // Since proofs at a target with a rate gather; nobody polls its own queue, so the shared one has it after 30 s.
  'incident-at-a-target-with-a-rate': async (stage) => {
    const play = await confirming(stage);
    const versions = (await play.facts()).versions.map(({ id }) => id);
    const frozen = await stage.freeze(play, {}, versions);
    const rates = { [frozen[0]?.target ?? '']: { calls: 1, per: 1_000 } };
    const incident = 'incident-with-a-rate';
    const said = { who: 'test', why: 'test', scope: 'a leaked value', drill: false, parts: 1, pace: quickIncident };
    await stage.incidents.declare({ incident, declaredAt: Date.now(), ...said }, [
      { incident, part: 0, versions: frozen, rates },
    ]);
    await until('another version is current', async () => !versions.includes((await play.current()).id), 90_000);
    await play.prove('bot');
    await stage.closed(incident);
    return { workflowId: incidentPartWorkflowId(incident, 0) };
  },
  'incident-overlapping': async (stage) => {
    const play = await confirming(stage);
    const old = (await play.facts()).versions[0]?.id;
    const leaked = (await play.current()).id;
    if (old === undefined) throw new Error('nothing was rotated');
    const one = await stage.declare(await stage.freeze(play, {}, [old]));
    const other = await stage.declare(await stage.freeze(play, {}, [old, leaked]));
    await until('another version is current', async () => ![old, leaked].includes((await play.current()).id));
    await stage.incidents.close(one.incident, 'test');
    await stage.closed(one.incident);
    await play.prove('bot');
    await stage.closed(other.incident);
    return { workflowId: incidentPartWorkflowId(other.incident, 0) };
  },
  'incident-closed-early': async (stage) => {
    const play = await settled(stage, alone);
    const frozen = await stage.freeze(play);
    scriptTrouble(play.provider, 'any', { kind: 'fail', code: 'ACCESS_DENIED' }, 100_000);
    const { incident } = await stage.declare(frozen);
    await until('a person is needed', () =>
      stage.told.some((one) => one.incident === incident && one.kind === 'incident.failed'),
    );
    await stage.incidents.close(incident, 'test');
    await stage.closed(incident);
    return { workflowId: incidentWorkflowId(incident) };
  },
  'incident-continued-as-new': async (stage) => {
    const play = await settled(stage, alone);
    const frozen = await stage.freeze(play);
    stage.down.ledger = 'throws';
    const { incident } = await stage.declare(frozen, { pace: { ...quickIncident, renewAfter: 1_000 } });
    const handle = stage.client.workflow.getHandle(incidentPartWorkflowId(incident, 0));
    await until('the part runs', () =>
      handle.describe().then(
        () => true,
        () => false,
      ),
    );
    const first = (await handle.describe()).runId;
    await until('a next run has begun', async () => (await handle.describe()).runId !== first);
    stage.down.ledger = 'no';
    await stage.closed(incident);
    return { workflowId: incidentPartWorkflowId(incident, 0), runs: [first] };
  },
  // Since an incident asks for the parts that an earlier run of it has begun.
  'incident-part-terminated': async (stage) => {
    const play = await settled(stage, alone);
    const frozen = await stage.freeze(play);
    scriptTrouble(play.provider, 'revoke', { kind: 'fail', code: 'UNAVAILABLE' }, 100_000);
    const { incident } = await stage.declare(frozen, { pace: { ...quickIncident, renewAfter: 5_000 } });
    await until('its part kills', async () => (await stage.progress(incident))?.keys === 1);
    const handle = stage.client.workflow.getHandle(incidentWorkflowId(incident));
    const first = (await handle.describe()).runId;
    await until('a next run has begun', async () => (await handle.describe()).runId !== first);
    const next = (await handle.describe()).runId;
    await stage.client.workflow.getHandle(incidentPartWorkflowId(incident, 0)).terminate('by somebody');
    play.provider.change((state) => {
      state.troubles = [];
    });
    await stage.closed(incident);
    return { workflowId: incidentWorkflowId(incident), runs: [first, next] };
  },
  'incident-cascade': async (stage) => {
    const dependent = await settled(stage, alone);
    const play = await settled(stage, { entry: { ...alone.entry, dependents: [dependent.id] } });
    const before = (await dependent.current()).id;
    const { incident } = await stage.declare(await stage.freeze(play));
    await stage.closed(incident);
    await until('what depends on it was rotated', async () => (await dependent.current()).id !== before);
    const workflowId = incidentDependentsWorkflowId(incident, play.id);
    await stage.client.workflow.getHandle(workflowId).result();
    return { workflowId };
  },
};
