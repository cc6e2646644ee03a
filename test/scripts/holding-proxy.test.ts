import { createServer } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { startHoldingProxy, type HoldRule } from '../../scripts/servers/holding-proxy.ts';
import { until } from '../support/until.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A server that counts what it was asked, behind a proxy. */
async function openLine(connection = 'keep-alive') {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.setHeader('connection', connection);
    response.end('done');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const at = server.address();
  if (at === null || typeof at === 'string') throw new Error('no port');
  const proxy = await startHoldingProxy(at.port);
  closers.push(
    () => server.closeAllConnections(),
    () => server.close(),
    () => proxy.close(),
  );
  const ask = (path: string): Promise<string> =>
    fetch(`http://127.0.0.1:${proxy.port}${path}`, { method: 'POST', body: '{}' }).then(
      (answer) => answer.text(),
      () => 'lost',
    );
  return { asked, proxy, ask };
}

const rule = (holds: HoldRule['holds']): HoldRule => ({ sent: /^POST \/held /, holds });

it('passes on what no rule is about', async () => {
  const { ask, proxy } = await openLine();
  const hold = proxy.hold(rule('request'));
  expect(await ask('/other')).toBe('done');
  expect(hold.stands()).toBe(false);
});

it('holds an answer although the server has closed its side', async () => {
  const { ask, proxy } = await openLine('close');
  const hold = proxy.hold(rule('answer'));
  const answer = ask('/held');
  await hold.applied;
  // Whatever closes has closed by then.
  expect(await ask('/other')).toBe('done');
  expect(hold.stands()).toBe(true);
  proxy.release();
  expect(await answer).toBe('done');
});

it.each([
  ['request', 0],
  ['answer', 1],
] as const)('holds a %s until it is released, once', async (holds, effects) => {
  const { ask, asked, proxy } = await openLine();
  await ask('/first');
  const hold = proxy.hold(rule(holds));
  const answer = ask('/held');
  await hold.applied;
  expect(hold.stands()).toBe(true);
  expect(asked.filter((one) => one.endsWith('/held'))).toHaveLength(effects);
  expect(await ask('/held')).toBe('done');
  proxy.release();
  expect(await answer).toBe('done');
  expect(asked.filter((one) => one.endsWith('/held'))).toHaveLength(2);
});

it.each([
  ['request', 0],
  ['answer', 1],
] as const)('loses a held %s when it is dropped', async (holds, effects) => {
  const { ask, asked, proxy } = await openLine();
  const hold = proxy.hold(rule(holds));
  const answer = ask('/held');
  await hold.applied;
  proxy.drop();
  expect(await answer).toBe('lost');
  await until('the hold is over', () => !hold.stands());
  expect(asked).toHaveLength(effects);
});

it('tells when an answer passes, and holds nothing then', async () => {
  const { ask, proxy } = await openLine();
  const hold = proxy.hold(rule('passed'));
  expect(await ask('/held')).toBe('done');
  await hold.applied;
  expect(hold.stands()).toBe(false);
});
