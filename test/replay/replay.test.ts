import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../scripts/setup/places.mjs';
import { workflowBundle, type WorkflowBundle } from '../../worker/workflow-bundle.ts';
import * as workflowTypes from '../../workflows/index.ts';
import { attributes, readHistories, readHistory, type RecordedEvent } from './histories.ts';
import { recorder, withoutOurPlace } from './scrub.ts';

/** A run that is under way when keybaton is updated goes on under the new code: what was recorded must replay. */
describe('recorded histories', () => {
  const histories = readHistories();
  let bundle: WorkflowBundle;
  beforeAll(async () => {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    bundle = await workflowBundle();
  }, 120_000);

  const replay = (events: readonly RecordedEvent[], workflowId: string): Promise<void> =>
    Worker.runReplayHistory({ workflowBundle: bundle }, { events }, workflowId);

  /** A rotation with its proof: long enough that a change in its middle is no change at its end. */
  const sample = readHistory('scheduled-with-proof');
  const scheduled = sample.events.flatMap((event, index) =>
    event['eventType'] === 'EVENT_TYPE_ACTIVITY_TASK_SCHEDULED' ? [index] : [],
  );
  const middle = scheduled[Math.floor(scheduled.length / 2)] ?? -1;

  it.each(histories.map(({ name }) => name))('replays %s on the workflow code as it is now', async (name) => {
    const { events, workflowId } = readHistory(name);
    await replay(events, workflowId);
  });

  it('has one of every workflow type', () => {
    const recorded = new Set(histories.map((history) => history.workflowType));
    expect([...recorded].toSorted()).toEqual(Object.keys(workflowTypes).toSorted());
  });

  it('has a run that was continued as new, and the run that went on', () => {
    const ends = (name: string) => readHistory(name).events.at(-1)?.['eventType'];
    expect(ends('continued-as-new-1')).toBe('EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW');
    expect(ends('continued-as-new-2')).toBe('EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED');
  });

  it('refuses a history in which another activity was asked for', async () => {
    const mutated = sample.events.map((event, index) => {
      if (index !== middle) return event;
      const name = 'activityTaskScheduledEventAttributes';
      return { ...event, [name]: { ...attributes(event, name), activityType: { name: 'destroyVersion' } } };
    });
    expect(mutated).not.toEqual(sample.events);
    await expect(replay(mutated, sample.workflowId)).rejects.toThrow(/Nondeterminism/);
  });

  it('refuses a history in which an activity was never asked for', async () => {
    // The activity is taken out whole, with the events that tell of it, and the rest is numbered anew.
    const id = sample.events[middle]?.['eventId'];
    const tells = (event: RecordedEvent): boolean =>
      event['eventId'] === id ||
      Object.values(event).some(
        (value) => typeof value === 'object' && value !== null && Reflect.get(value, 'scheduledEventId') === id,
      );
    const left = sample.events.filter((event) => !tells(event));
    expect(left.length).toBeLessThan(sample.events.length);
    const renumbered = new Map(left.map((event, index) => [event['eventId'], String(index + 1)]));
    const mutated = left.map((event) => withIds(event, renumbered));
    expect(mutated.at(-1)?.['eventId']).toBe(String(left.length));
    await expect(replay(mutated, sample.workflowId)).rejects.toThrow(/Nondeterminism/);
  });

  it('refuses a history from which one event is missing', async () => {
    const mutated = sample.events.filter((_event, index) => index !== middle);
    await expect(replay(mutated, sample.workflowId)).rejects.toThrow(/out of order|Nondeterminism/);
  });

  it.each(histories.map(({ name }) => name))('%s holds no secret, path, or name of a process, host or user', (name) => {
    const history = readHistory(name);
    const readable = [history.text, ...payloadsOf(history.events)].join('\n');
    // What the in-memory provider mints begins so; the administrator's value in these scenarios is `admin`.
    expect(readable).not.toMatch(/kbmem_|"admin"/);
    expect(readable).not.toMatch(/file:\/\/|(?:^|["\s(])\/(?:home|root|Users|tmp|var|opt|work)\b|[A-Z]:\\\\|\b\d+@/);
    expect(readable).not.toContain(root);
    const identities = history.text.matchAll(/"identity": "([^"]*)"/g);
    expect(new Set(Array.from(identities, ([, identity]) => identity))).toEqual(new Set([recorder]));
  });

  it('reads payloads: a planted value is seen', () => {
    const data = Buffer.from('a kbmem_planted value').toString('base64');
    expect(payloadsOf([{ input: { payloads: [{ data }] } }]).join()).toContain('kbmem_planted');
  });

  it('leaves identities and sticky queues out, and nothing else', () => {
    const place = { identity: '17@host', taskQueue: { name: '17@host-1', kind: 'TASK_QUEUE_KIND_STICKY' }, kept: [1] };
    const scrubbed = { identity: recorder, taskQueue: { name: recorder, kind: 'TASK_QUEUE_KIND_STICKY' }, kept: [1] };
    expect(withoutOurPlace(place)).toEqual(scrubbed);
  });
});

/** An event whose own number, and the numbers by which it names others, are changed. */
function withIds(event: RecordedEvent, ids: ReadonlyMap<unknown, string>): RecordedEvent {
  const changed = ([name, value]: [string, unknown]): [string, unknown] => {
    if (/eventId$/i.test(name)) return [name, ids.get(value) ?? value];
    if (!name.endsWith('EventAttributes') || typeof value !== 'object' || value === null) return [name, value];
    return [name, Object.fromEntries(Object.entries(value).map(changed))];
  };
  return Object.fromEntries(Object.entries(event).map(changed));
}

/** The texts of every payload, wherever it lies. */
function payloadsOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(payloadsOf);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    name === 'data' && typeof inner === 'string' ? [Buffer.from(inner, 'base64').toString()] : payloadsOf(inner),
  );
}
