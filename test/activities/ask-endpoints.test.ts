import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { askEndpoints } from '../../activities/ask-endpoints.ts';
import { missingEvidence } from '../../domain/gate.ts';
import { credential, openWorld } from '../control/http-api/world.ts';
import type { World } from '../control/http-api/world.ts';

let world: World;
let server: Server;
let answer: { status: number; body: unknown };

beforeEach(async () => {
  world = await openWorld(['web']);
  answer = { status: 200, body: { instances: [] } };
  server = createServer((_request, response) => {
    response.writeHead(answer.status).end(JSON.stringify(answer.body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  await demandEndpoint();
});
afterEach(async () => {
  server.close();
  await world.close();
});

/** The same entry, whose consumer is asked at a probe instead of proving. */
async function demandEndpoint(probes?: Record<string, string>): Promise<void> {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const entries = (await world.ledger.inventory()).entries.map((entry) => ({
    ...entry,
    consumers: [
      {
        name: 'web',
        kind: 'service' as const,
        demand: 'endpoint-reported' as const,
        deadline: 1,
        without: 'hold' as const,
        probe: 'web',
      },
    ],
  }));
  const targets = {
    targets: { memory: { probes: probes ?? { web: `http://127.0.0.1:${String(address.port)}/version` } } },
  };
  await world.ledger.applyInventory({ teams: ['ml'], entries, targets, actor: 'os:test' });
}

const ask = async () =>
  askEndpoints({ ledger: world.ledger }, await world.ledger.facts(credential), AbortSignal.timeout(10_000));
const missing = async () => missingEvidence(await world.ledger.evidence(credential), await world.ledger.clock());

test('instances that use the version of the newest epoch are recorded, and GATE sees it', async () => {
  const { version, epoch } = await world.rotate();
  expect(await ask()).toEqual([]);
  expect(await missing()).toMatchObject([{ consumer: 'web', why: 'no instance seen' }]);
  answer.body = { instances: [{ instance: 'web-0', version, epoch }] };
  expect(await ask()).toEqual([]);
  expect(await missing()).toEqual([]);
  const { evidence } = await world.ledger.evidence(credential);
  expect(evidence).toMatchObject([{ consumer: 'web', instance: 'web-0', kind: 'endpoint-reported' }]);
});

test('asking again records nothing twice', async () => {
  const { version, epoch } = await world.rotate();
  answer.body = { instance: 'web-0', version, epoch };
  await ask();
  const before = await world.ledger.history({ credential, limit: 1_000 });
  await ask();
  expect(await world.ledger.history({ credential, limit: 1_000 })).toHaveLength(before.length);
});

test('an instance that uses the old version is no evidence, and one that goes back loses its own', async () => {
  const first = await world.rotate();
  const second = await world.rotate();
  answer.body = { instance: 'web-0', version: first.version, epoch: first.epoch };
  await ask();
  expect(await missing()).toHaveLength(1);
  answer.body = { instance: 'web-0', version: second.version, epoch: second.epoch };
  await ask();
  expect(await missing()).toEqual([]);
  answer.body = { instance: 'web-0', version: first.version, epoch: first.epoch };
  await ask();
  expect(await missing()).toHaveLength(1);
});

test('a probe that cannot be asked is told and changes nothing', async () => {
  const { version, epoch } = await world.rotate();
  answer.body = { instance: 'web-0', version, epoch };
  await ask();
  answer.status = 503;
  expect(await ask()).toEqual([expect.stringMatching(/^web: probe web could not be asked: /)]);
  expect(await missing()).toEqual([]);
});

test('a probe that targets.yml lost is told', async () => {
  await world.rotate();
  await demandEndpoint({});
  expect(await ask()).toEqual(['web: target memory has no probe web any more']);
});
