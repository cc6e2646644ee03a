import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { incidentPartWorkflowId, incidentWorkflowId, versionIdFrom } from '../../domain/identifiers.ts';
import type { Declaration, IncidentPart } from '../../domain/incident.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { openEmergencyStage, quickIncident, type EmergencyStage } from '../support/emergency-world.ts';
import type { Play, PlayOptions } from '../support/rotation-world.ts';
import { until } from '../support/until.ts';

/** Protocol 7: what becomes of the parts of an incident that somebody ends, or that nobody is there to take. */
describe('the parts of an emergency', () => {
  let stage: EmergencyStage;
  beforeAll(async () => {
    stage = await openEmergencyStage();
  }, 60_000);
  afterAll(() => stage.close(), 120_000);

  async function settled(options: PlayOptions = {}): Promise<Play> {
    const play = await stage.play(options);
    await play.rotate();
    await play.result();
    for (const name of play.consumers()) await play.beat(name);
    return play;
  }

  const partOf = (incident: string) => stage.client.workflow.getHandle(incidentPartWorkflowId(incident, 0));
  const statusOf = async (incident: string): Promise<string> => (await partOf(incident).describe()).status.name;
  const declarationOf = (incident: string): Declaration => ({
    incident,
    declaredAt: Date.now(),
    who: 'test',
    why: 'test',
    scope: 'a leaked value',
    drill: false,
    parts: 1,
    pace: quickIncident,
  });

  it('one that is terminated from outside is started again, and its key dies', async () => {
    const play = await settled();
    scriptTrouble(play.provider, 'revoke', { kind: 'fail', code: 'UNAVAILABLE' }, 100_000);
    const { incident } = await stage.declare(await stage.freeze(play));
    await until('its part kills', async () => (await stage.progress(incident))?.keys === 1);
    await partOf(incident).terminate('by somebody');
    play.provider.change((state) => {
      state.troubles = [];
    });
    expect(await stage.closed(incident)).toMatchObject({ dead: 1, replaced: 1 });
    const { events } = await stage.ledger.incident(incident);
    expect(events.map(({ kind }) => kind)).toContainEqual(expect.stringMatching(/^part-lost\.0\./));
  }, 90_000);

  it('one that is terminated after its incident has gone on as new is started again from its own record, and its key dies', async () => {
    const play = await settled();
    scriptTrouble(play.provider, 'revoke', { kind: 'fail', code: 'UNAVAILABLE' }, 100_000);
    const pace = { ...quickIncident, clock: 30_000, renewAfter: 1_000 };
    const { incident } = await stage.declare(await stage.freeze(play), { pace });
    await until('its part kills', async () => (await stage.progress(incident))?.keys === 1);
    const parent = stage.client.workflow.getHandle(incidentWorkflowId(incident));
    const first = (await parent.describe()).runId;
    await until('the incident has gone on as new', async () => (await parent.describe()).runId !== first);
    const renewed = (await parent.describe()).runId;
    await partOf(incident).terminate('by somebody');
    play.provider.change((state) => {
      state.troubles = [];
    });
    expect(await stage.closed(incident)).toMatchObject({ dead: 1, replaced: 1 });
    expect(renewed).not.toBe(first);
    const { events } = await stage.ledger.incident(incident);
    expect(events.map(({ kind }) => kind)).toContainEqual(expect.stringMatching(/^part-lost\.0\./));
  }, 90_000);

  it('one that has not begun when a person closes the incident is told of it all the same', async () => {
    const play = await settled();
    scriptTrouble(play.provider, 'revoke', { kind: 'fail', code: 'UNAVAILABLE' }, 100_000);
    const frozen = await stage.freeze(play);
    await stage.stopWorker();
    const { incident } = await stage.declare(frozen);
    await stage.incidents.close(incident, 'test');
    await stage.startWorker();
    await stage.closed(incident);
    await until('its part has ended', async () => (await statusOf(incident)) === 'COMPLETED');
  }, 90_000);

  it('one that is ended while a kill is under way records what came of it, and ends', async () => {
    const play = await settled();
    const frozen = await stage.freeze(play);
    const held = play.hold('revoke');
    const { incident } = await stage.declare(frozen);
    await held.arrived;
    await stage.incidents.close(incident, 'test');
    await until('its part has taken in that it ends', async () => {
      const { events } = await partOf(incident).fetchHistory();
      const told = (events ?? []).findIndex(
        ({ workflowExecutionSignaledEventAttributes: signal }) => signal?.signalName === 'partEnds',
      );
      const taken = ({
        workflowTaskCompletedEventAttributes: task,
      }: {
        workflowTaskCompletedEventAttributes?: unknown;
      }) => task !== undefined && task !== null;
      return told !== -1 && (events ?? []).slice(told).some(taken);
    });
    held.letGo();
    await until('its part has ended', async () => (await statusOf(incident)) === 'COMPLETED');
    const [key] = await stage.ledger.incidentKeys({ incident, limit: 10 });
    expect(key).toMatchObject({ version: frozen[0]?.version, containedAt: expect.any(Number) as number });
  }, 90_000);

  it('one that comes after the end of its incident is refused: whoever declares it kills by itself', async () => {
    const play = await settled();
    const frozen = await stage.freeze(play);
    const declaration = await stage.declare(frozen);
    await stage.closed(declaration.incident);
    const late: IncidentPart = { incident: declaration.incident, part: 1, versions: frozen };
    await expect(stage.incidents.declare(declaration, [late])).rejects.toMatchObject({ code: 'CONFLICT' });
  }, 90_000);

  it('one that only waits for what is under way sets no timers meanwhile', async () => {
    const play = await settled();
    const [first] = await stage.freeze(play);
    if (first === undefined) throw new Error('nothing is frozen');
    // Due while the first is under way: nobody polls the queue of a target with a rate limit here.
    const second = { ...first, version: versionIdFrom(new Uint8Array(64).fill(7)), killAt: Date.now() + 2_000 };
    const declaration = declarationOf('incident-that-rests');
    const { incident } = declaration;
    const rates = { [first.target]: { calls: 1, per: 1_000 } };
    await stage.incidents.declare(declaration, [{ incident, part: 0, versions: [first, second], rates }]);
    await until('its part is there', () =>
      statusOf(incident).then(
        () => true,
        () => false,
      ),
    );
    await stage.incidents.close(incident, 'test');
    await until('its part has ended', async () => (await statusOf(incident)) === 'COMPLETED', 90_000);
    const { events } = await partOf(incident).fetchHistory();
    const timers = (events ?? []).filter(
      ({ timerStartedEventAttributes: timer }) => timer !== undefined && timer !== null,
    );
    expect(timers.length).toBeLessThan(100);
  }, 150_000);

  it('a dependent that cannot be asked for holds up no other, and people are told', async () => {
    const refused = await settled();
    const free = await settled();
    const before = (await free.current()).id;
    stage.down.refused.add(refused.id);
    const play = await settled({ entry: { dependents: [refused.id, free.id] } });
    const { incident } = await stage.declare(await stage.freeze(play));
    await stage.closed(incident);
    await until('the next is rotated', async () => (await free.current()).id !== before);
    expect(stage.told.map(({ about }) => about)).toContain(`alarm/${refused.id}/dependent/${incident}`);
  }, 120_000);
});
