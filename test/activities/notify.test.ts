import { expect, test } from 'vitest';
import { KeybatonError } from '../../domain/errors.ts';
import type { Channel } from '../../domain/notice.ts';
import { notify } from '../../activities/notify.ts';
import { told } from '../outbound/notices.ts';

interface Told {
  readonly channel: string;
  readonly key: string;
  readonly memory: string | undefined;
}

/** Keeps what it was told; fails with what stands in `troubles`, first come first. */
function channel(name: string, heard: Told[], troubles: Error[] = [], wants = true): Channel {
  return {
    name,
    dropsRepeats: false,
    tells: () => wants,
    async send({ key }, memory) {
      const trouble = troubles.shift();
      if (trouble !== undefined) throw trouble;
      heard.push({ channel: name, key, memory });
      return { memory: `${name} ${(Number(memory?.split(' ')[1] ?? 0) + 1).toFixed(0)}` };
    },
  };
}

const signal = AbortSignal.timeout(60_000);
test('one channel that fails keeps none of the others from being told', async () => {
  const heard: Told[] = [];
  const channels = [
    channel('pager', heard, [new KeybatonError('RATE_LIMITED', 'slow', { retryAfter: 9_000 })]),
    channel('room', heard),
    channel('gone', heard, [new KeybatonError('ACCESS_DENIED', 'no')]),
    channel('quiet', heard, [], false),
  ];
  const ports = { channels: async () => channels, now: () => 0 };
  expect(await notify(ports, { notice: told({ kind: 'declared' }) }, signal)).toMatchObject([
    { channel: 'pager', outcome: 'again', code: 'RATE_LIMITED', againIn: 9_000 },
    { channel: 'room', outcome: 'sent' },
    { channel: 'gone', outcome: 'refused', code: 'ACCESS_DENIED' },
    { channel: 'quiet', outcome: 'not wanted' },
  ]);
  expect(heard.map((one) => one.channel)).toEqual(['room']);
});

test('only the named channels are told, each with what it answered before', async () => {
  const heard: Told[] = [];
  const ports = { channels: async () => [channel('pager', heard), channel('room', heard)], now: () => 0 };
  const input = {
    notice: told({ kind: 'declared' }),
    only: ['room'],
    remembered: { room: 'room 4', pager: 'pager 1' },
  };
  expect(await notify(ports, input, signal)).toMatchObject([{ channel: 'room', outcome: 'sent', memory: 'room 5' }]);
  expect(heard).toMatchObject([{ channel: 'room', memory: 'room 4' }]);
});

test('a channel that fails keeps what it answered before', async () => {
  const ports = {
    channels: async () => [channel('room', [], [new KeybatonError('UNAVAILABLE', 'down')])],
    now: () => 0,
  };
  const input = { notice: told({ kind: 'declared' }), remembered: { room: 'room 4' } };
  expect(await notify(ports, input, signal)).toMatchObject([{ outcome: 'again', memory: 'room 4' }]);
});
