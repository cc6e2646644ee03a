import { Runtime } from '@temporalio/worker';
import { pino } from 'pino';
import { afterAll, expect, test } from 'vitest';
import { installRuntime } from '../../worker/log.ts';

afterAll(() => Runtime.instance().shutdown());

test('the SDK takes no signal of the process: a worker that it stopped would stay up and do nothing', () => {
  installRuntime(pino({ enabled: false }));
  // What has no listener does what the system does: it ends the process.
  expect(Runtime.instance().options.shutdownSignals).toEqual([]);
  expect(process.listenerCount('SIGUSR2')).toBe(0);
});
