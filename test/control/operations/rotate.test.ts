import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { follow } from '../../../control/operations/follow.ts';
import type { RunView } from '../../../control/operations/follow.ts';
import { rehearse } from '../../../control/operations/rehearse.ts';
import { rotate } from '../../../control/operations/rotate.ts';
import { KeybatonError } from '../../../domain/errors.ts';
import { parseCredentialId } from '../../../domain/identifiers.ts';
import { openBench } from '../bench.ts';
import type { Bench } from '../bench.ts';

const bot = parseCredentialId('in-memory/prod/bot');
const ask = { credential: bot, actor: 'os:ada', why: 'laptop lost' };
const down = new KeybatonError('UNAVAILABLE', 'Temporal at 127.0.0.1:7233 does not answer');
let bench: Bench;

beforeEach(async () => {
  bench = await openBench();
  await bench.apply();
});
afterEach(() => bench.close());

const openRequests = async (): Promise<readonly string[]> =>
  (await bench.ledger.facts(bot)).requests.map(({ id }) => id);

describe('rotate', () => {
  test('writes the request before it starts the workflow', async () => {
    let before: readonly string[] = [];
    bench.rotations.onStart = async () => {
      before = await openRequests();
    };
    const { request, rotation } = await rotate(bench.ports, ask);
    expect([rotation, before]).toEqual(['started', [request]]);
    expect(bench.rotations.started).toMatchObject([{ credential: bot, actor: 'os:ada', rehearse: false }]);
  });

  test('while one runs leaves the request to it and wakes it', async () => {
    bench.rotations.running = { step: 'confirming', since: 0, waitsFor: undefined, version: undefined };
    expect((await rotate(bench.ports, ask)).rotation).toBe('running');
    expect([bench.rotations.woken, (await openRequests()).length]).toEqual([[bot], 1]);
  });

  test('keeps the request when Temporal does not answer, says so, and asks for nothing twice', async () => {
    bench.rotations.down = down;
    await expect(rotate(bench.ports, ask)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/127\.0\.0\.1:7233 does not answer; nothing is lost: the request is recorded/),
    });
    bench.rotations.down = undefined;
    const again = await rotate(bench.ports, ask);
    expect(await openRequests()).toEqual([again.request]);
  });

  test('refuses an entry that is retiring', async () => {
    await bench.promote(bot);
    await bench.apply('teams: [search]\ncredentials: {}\n');
    await expect(rotate(bench.ports, ask)).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  test('refuses what the ledger has never heard of', async () => {
    await expect(
      rotate(bench.ports, { ...ask, credential: parseCredentialId('in-memory/prod/ghost') }),
    ).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('following a run', () => {
  async function followed(options: {
    since: number;
    afterN: number;
    request?: string;
    resume?: () => Promise<void>;
    onView?: (view: RunView) => Promise<void>;
  }): Promise<RunView[]> {
    const views: RunView[] = [];
    const { onView, ...rest } = options;
    for await (const view of follow(bench.ports, {
      credential: bot,
      signal: new AbortController().signal,
      every: 5,
      resume: () => Promise.resolve(),
      ...rest,
    })) {
      views.push(view);
      await onView?.(view);
    }
    return views;
  }

  test('shows every step with the time of the ledger, and ends with the outcome of the ledger', async () => {
    bench.rotations.onStart = async () => {
      await bench.promote(bot, 'r1');
      await bench.end(bot, 'r1', 'rotated');
    };
    const { askedAt, request, afterN } = await rotate(bench.ports, ask);
    const views = await followed({ since: askedAt, afterN, request });
    expect(views.at(-1)?.steps.map(({ step }) => step)).toEqual([
      'preflight',
      'issuing',
      'verifying',
      'promoting',
      'confirming',
      'done',
    ]);
    expect(views.at(-1)?.end?.outcome).toBe('rotated');
  });

  test('does not take the end of an earlier run for the end of this one', async () => {
    await bench.promote(bot, 'r1');
    await bench.end(bot, 'r1', 'rotated');
    const { askedAt, request, afterN } = await rotate(bench.ports, ask);
    const views = await followed({
      since: askedAt,
      afterN,
      request,
      onView: async (view) => {
        if (view.end !== undefined || bench.rotations.running !== undefined) return;
        bench.rotations.running = { step: 'confirming', since: askedAt, waitsFor: undefined, version: undefined };
        await bench.promote(bot, 'r2');
        await bench.end(bot, 'r2', 'discarded', 'the provider refused the new version');
      },
      resume: async () => undefined,
    });
    expect(views.at(-1)?.end).toMatchObject({ outcome: 'discarded', why: 'the provider refused the new version' });
  });

  test('starts the rotation again when the run that was there ended without seeing the request', async () => {
    bench.rotations.running = { step: 'done', since: 0, waitsFor: undefined, version: undefined };
    const { askedAt, request, afterN } = await rotate(bench.ports, ask);
    bench.rotations.running = undefined;
    let resumed = 0;
    const views = await followed({
      since: askedAt,
      afterN,
      request,
      resume: async () => {
        resumed += 1;
        await bench.promote(bot, 'r1');
        await bench.end(bot, 'r1', 'rotated');
      },
    });
    expect([resumed, views.at(-1)?.end?.outcome]).toEqual([1, 'rotated']);
  });

  test('goes on while Temporal does not answer, and shows that', async () => {
    const { askedAt, request, afterN } = await rotate(bench.ports, ask);
    bench.rotations.down = down;
    const views = await followed({
      since: askedAt,
      afterN,
      request,
      onView: async (view) => {
        if (view.trouble === undefined || view.end !== undefined) return;
        bench.rotations.down = undefined;
        bench.rotations.running = { step: 'confirming', since: askedAt, waitsFor: 'web', version: undefined };
        await bench.promote(bot, 'r1');
        await bench.end(bot, 'r1', 'rotated');
      },
    });
    expect(views.some(({ trouble }) => trouble?.includes('127.0.0.1:7233') === true)).toBe(true);
    expect(views.at(-1)?.end?.outcome).toBe('rotated');
  });

  test('ends without an end when the watching is stopped', async () => {
    const stop = new AbortController();
    const { askedAt, request, afterN } = await rotate(bench.ports, ask);
    bench.rotations.running = { step: 'held', since: askedAt, waitsFor: 'web', version: undefined };
    const views: RunView[] = [];
    for await (const view of follow(bench.ports, {
      credential: bot,
      since: askedAt,
      afterN,
      request,
      signal: stop.signal,
      every: 5,
      resume: () => Promise.resolve(),
    })) {
      views.push(view);
      stop.abort();
    }
    expect(views).toMatchObject([{ waitsFor: 'web', end: undefined }]);
  });
});

describe('rehearse', () => {
  test('starts a run that promotes nothing', async () => {
    await rehearse(bench.ports, { credential: bot, actor: 'os:ada' });
    expect(bench.rotations.started).toMatchObject([{ credential: bot, rehearse: true }]);
    expect(await openRequests()).toEqual([]);
  });

  test('is refused while a rotation runs, since it would be that run', async () => {
    bench.rotations.running = { step: 'held', since: 0, waitsFor: 'web', version: undefined };
    await expect(rehearse(bench.ports, { credential: bot, actor: 'os:ada' })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
  });
});
