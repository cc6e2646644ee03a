import { afterEach, beforeEach, expect, test } from 'vitest';
import { base, openWorld } from './world.ts';
import type { World } from './world.ts';

let world: World;
let token: string;
beforeEach(async () => {
  world = await openWorld();
  token = await world.token('web');
});
afterEach(() => world.close());

const events = (query = '') => world.ask('GET', `${base}/events${query}`, { token });

/** Reads an event stream until as many standings have come as asked for, or it ends. */
async function listen() {
  const cut = new AbortController();
  const response = await fetch(`${world.url()}${base}/events`, {
    headers: { authorization: `Bearer ${token}` },
    signal: cut.signal,
  });
  const reader = response.body?.getReader();
  let text = '';
  return {
    response,
    cut: () => cut.abort(),
    text: () => text,
    async until(condition: (text: string) => boolean): Promise<'heard' | 'ended'> {
      while (!condition(text)) {
        const next = await reader?.read();
        if (next === undefined || next.done) return 'ended';
        text += new TextDecoder().decode(next.value);
      }
      return 'heard';
    },
  };
}

test('a stream tells what stands now, and every change', async () => {
  const first = await world.rotate();
  const stream = await listen();
  expect(stream.response.headers.get('content-type')).toBe('text/event-stream');
  await stream.until((text) => text.includes(first.version));
  const second = await world.rotate();
  expect(await stream.until((text) => text.includes(second.version))).toBe('heard');
  const told = stream
    .text()
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .map((line) => JSON.parse(line.slice(5)));
  expect(told).toEqual([
    { epoch: 1, version: first.version },
    { epoch: 2, version: second.version },
  ]);
  expect(stream.text()).not.toContain(second.value);
  stream.cut();
});

test('before anything was promoted the epoch is 0', async () => {
  expect((await events('?wait=0')).json).toEqual({ epoch: 0, version: null });
});

test('a stream shows signs of life', async () => {
  const stream = await listen();
  expect(await stream.until((text) => text.includes(': still here'))).toBe('heard');
  stream.cut();
});

test('a long poll is answered at once when a higher epoch stands', async () => {
  const { epoch, version } = await world.rotate();
  expect((await events('?wait=30000&epoch=0')).json).toEqual({ epoch, version });
});

test('a long poll is answered by the change it waits for', async () => {
  await world.rotate();
  const waiting = events('?wait=30000&epoch=1');
  const second = await world.rotate();
  expect((await waiting).json).toEqual({ epoch: 2, version: second.version });
});

test('a long poll without a change is answered with what stands', async () => {
  const { version } = await world.rotate();
  expect((await events('?wait=60&epoch=1')).json).toEqual({ epoch: 1, version });
});

test('a stream outlives a ledger that is down and tells what happened meanwhile', async () => {
  await world.rotate();
  const stream = await listen();
  await stream.until((text) => text.includes('"epoch":1'));
  world.state.ledgerDown = true;
  await stream.until((text) => text.includes(': still here'));
  const second = await world.rotate();
  world.state.ledgerDown = false;
  expect(await stream.until((text) => text.includes(second.version))).toBe('heard');
  stream.cut();
});

test('closing the API ends streams and long polls', async () => {
  await world.rotate();
  const stream = await listen();
  await stream.until((text) => text.includes('"epoch":1'));
  const waiting = events('?wait=30000&epoch=1');
  await stream.until((text) => text.includes(': still here'));
  const comeBack = await world.stopApi();
  expect(await stream.until(() => false)).toBe('ended');
  expect((await waiting).status).toBe(200);
  await comeBack();
});

test('a stream ends after a while, so that a revoked token ends with it', async () => {
  await world.close();
  world = await openWorld(['web'], { streamFor: 300 });
  token = await world.token('web');
  const stream = await listen();
  await stream.until((text) => text.includes('"epoch":0'));
  const [record] = await world.tokens.list();
  await world.tokens.revoke(record?.id ?? '', 'os:test', Date.now());
  expect(await stream.until(() => false)).toBe('ended');
  expect((await listen()).response.status).toBe(403);
});
