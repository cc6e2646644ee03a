import { afterEach, expect, test } from 'vitest';
import { openPeopleWorld } from './people-world.ts';
import type { PeopleWorld } from './people-world.ts';

let world: PeopleWorld | undefined;
afterEach(() => world?.close());

const cookie = { cookie: 'keybaton_session=root' };

async function statuses(times: number, path: string, headers: Record<string, string> = {}): Promise<readonly number[]> {
  const found: number[] = [];
  for (let at = 0; at < times; at += 1) {
    const response = await fetch((world?.url() ?? '') + path, { headers, redirect: 'manual' });
    await response.text();
    found.push(response.status);
  }
  return found;
}

test('one address signs in so often a minute, and is told when it may again', async () => {
  world = await openPeopleWorld({}, { addressLimits: { signIns: 3, pages: 100 } });
  expect(await statuses(5, '/sign-in')).toEqual([200, 200, 200, 429, 429]);
  const limited = await fetch(`${world.url()}/sign-in`, { method: 'POST', body: new URLSearchParams({ token: 'x' }) });
  expect([limited.status, (await limited.text()).includes('3 in a minute')]).toEqual([429, true]);
});

test('strangers wait for pages before anybody looks at their cookie', async () => {
  let asked = 0;
  world = await openPeopleWorld({}, { addressLimits: { signIns: 9, pages: 3 } });
  const guard = { ...world.people };
  world.people.identify = async (...who) => {
    asked += 1;
    return guard.identify(...who);
  };
  const forged = { cookie: 'keybaton_session=forged' };
  expect(await statuses(5, '/', forged)).toEqual([303, 303, 303, 429, 429]);
  expect(asked).toBe(3);
});

test('somebody who has signed in is not kept out by strangers at the same address', async () => {
  world = await openPeopleWorld({}, { addressLimits: { signIns: 9, pages: 3 } });
  expect(await statuses(1, '/emergency', cookie)).toEqual([200]);
  expect(await statuses(4, '/', { cookie: 'keybaton_session=forged' })).toEqual([303, 303, 429, 429]);
  expect(await statuses(3, '/emergency', cookie)).toEqual([200, 200, 200]);
});

test('what programs ask with a token is not counted by their address', async () => {
  world = await openPeopleWorld({}, { addressLimits: { signIns: 1, pages: 1 } });
  const found = await statuses(3, '/v1/whoami', { authorization: 'Bearer root' });
  expect(found).toEqual([200, 200, 200]);
});

test('behind a proxy that is named, an address is what the proxy says; of nobody else is it believed', async () => {
  const from = (address: string) => ({ 'x-forwarded-for': `203.0.113.9, ${address}` });
  const limits = { addressLimits: { signIns: 2, pages: 100 } };
  world = await openPeopleWorld({}, { ...limits, proxies: ['127.0.0.0/8'] });
  expect(await statuses(3, '/sign-in', from('192.0.2.7'))).toEqual([200, 200, 429]);
  expect(await statuses(1, '/sign-in', from('192.0.2.8'))).toEqual([200]);
  await world.close();
  world = await openPeopleWorld({}, { ...limits, proxies: ['192.0.2.0/24'] });
  expect(await statuses(2, '/sign-in', from('192.0.2.7'))).toEqual([200, 200]);
  expect(await statuses(1, '/sign-in', from('192.0.2.8'))).toEqual([429]);
});
