import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connect } from '../../consumer/connect.ts';
import type { Connection } from '../../consumer/connect.ts';
import { possessionProof } from '../../consumer/proof.ts';
import { startFakeKeybaton } from '../../consumer/testing/fake-keybaton.ts';
import type { FakeKeybaton } from '../../consumer/testing/fake-keybaton.ts';
import { base, credential, openWorld } from '../control/http-api/world.ts';
import { until } from '../support/until.ts';

let fake: FakeKeybaton;
const open: Connection[] = [];
beforeEach(async () => {
  fake = await startFakeKeybaton();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((connection) => connection.close()));
  await fake.close();
});

function start(more: { onProblem?: (problem: unknown) => void } = {}): Connection {
  const consumer = { consumer: 'web', instance: 'web-0', onProblem: () => undefined, avoidRefused: 0 };
  const connection = connect({ url: fake.url, token: fake.token(), credential: fake.credential, ...consumer, ...more });
  open.push(connection);
  return connection;
}

describe('the fake for the tests of those who use the SDK', () => {
  test('serves, is proved to, rotates, and says what is missing', async () => {
    const first = fake.rotate({ api_key: 'the first one' });
    const keys = start();
    expect(await keys.use(({ api_key }) => api_key)).toBe('the first one');
    await fake.waitForProof();
    const second = fake.rotate({ api_key: 'the second one' });
    await until('it is pushed', async () => (await keys.secret()).version === second.version);
    expect(fake.missing()).toEqual([{ consumer: 'web', instance: 'web-0', why: 'not proved' }]);
    expect(fake.reads.map(({ version }) => version).slice(0, 2)).toEqual([first.version, second.version]);
    fake.rollBack(first);
    await until('it is back', async () => (await keys.secret()).epoch === 3);
    await keys.leave();
    expect(fake.instances()).toEqual([]);
  });

  test('plays a refusal, a compromise and an outage', async () => {
    const first = fake.rotate();
    const keys = start();
    const second = fake.rotate();
    await until('the second is held', async () => (await keys.secret()).version === second.version);
    const work = ({ api_key = '' }: Readonly<Record<string, string>>): string => {
      if (api_key === first.fields['api_key']) return api_key;
      throw Object.assign(new Error('refused'), { status: 401 });
    };
    await keys.use(work);
    expect(fake.reports).toMatchObject([{ what: 'fell-back', version: first.version }]);
    expect(fake.missing()).toMatchObject([{ why: 'withdrawn' }]);
    fake.compromise(first);
    await expect(keys.use(work)).rejects.toThrow('refused');
    await fake.answering(503, '/', async () => {
      expect((await keys.secret()).version).toBe(second.version);
    });
    await expect(fake.waitForProof(20)).rejects.toThrow('not proved');
  });

  test('answers what the real API answers, asked by somebody who has no SDK', async () => {
    const world = await openWorld(['web']);
    try {
      const real = await world.rotate();
      const played = fake.rotate();
      const sides = [
        { url: world.url(), token: await world.token('web'), version: real.version, value: real.value },
        { url: fake.url, token: fake.token(), version: played.version, value: played.fields['api_key'] ?? '' },
      ];
      const [one, other] = await Promise.all(sides.map(conversation));
      expect(other).toEqual(one);
      expect(one?.map((line) => line.split(' ')[0])).toEqual(
        expect.arrayContaining(['200', '204', '400', '403', '404', '409', '422']),
      );
    } finally {
      await world.close();
    }
  });
});

interface Side {
  readonly url: string;
  readonly token: string;
  readonly version: string;
  readonly value: string;
}

/** Status, code and the names of what is answered, of one request after the other. */
async function conversation({ url, token, version, value }: Side): Promise<readonly string[]> {
  const lines: string[] = [];
  const ask = async (method: string, path: string, body?: unknown, bearer = token): Promise<void> => {
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const response = await fetch(`${url}${base}${path}`, init);
    const text = await response.text();
    const told = text === '' ? {} : JSON.parse(text);
    const names = response.ok ? Object.keys(told).toSorted().join() : String(told.code);
    lines.push(`${String(response.status)} ${method} ${path}: ${names}`);
  };
  const made = { credential, version, epoch: 1, consumer: 'web', instance: 'i' };
  const body = { version, epoch: 1, instance: 'i', boot: 'b', proof: possessionProof(value, made) };
  await ask('GET', '/secret', undefined, 'kbc_wrong');
  await ask('GET', '/nothing');
  await ask('GET', '/secret');
  await ask('GET', '/secret?which=previous');
  await ask('GET', '/previous');
  await ask('GET', '/events?wait=0');
  await ask('POST', '/proofs', {});
  await ask('POST', '/proofs', body);
  await ask('PUT', '/instances/i', { boot: 'b', lease: 60_000 });
  await ask('PUT', '/instances/i', { boot: 'c', lease: 60_000 });
  await ask('POST', '/proofs', { ...body, proof: '0'.repeat(64) });
  await ask('POST', '/proofs', { ...body, epoch: 2 });
  await ask('POST', '/proofs', { ...body, boot: 'c' });
  await ask('POST', '/proofs', body);
  await ask('POST', '/reports', { what: 'refused', version, epoch: 1, instance: 'i', boot: 'b' });
  await ask('DELETE', '/instances/i?boot=b');
  return lines;
}
