import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { KeybatonError } from '../../domain/errors.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { openLedger } from '../../ledger/open.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { openNowOrLater } from '../../worker/late-ledger.ts';

const down = new KeybatonError('UNAVAILABLE', 'the ledger cannot be reached');
let folder: ReturnType<typeof temporaryFolder>;
let isUp: boolean;
let opened: Ledger[];
let troubles: unknown[];

beforeEach(() => {
  folder = temporaryFolder('late-ledger');
  [isUp, opened, troubles] = [false, [], []];
});
afterEach(async () => {
  for (const ledger of opened) await ledger.close();
  folder.remove();
});

const open = async (): Promise<Ledger> => {
  if (!isUp) throw down;
  const ledger = await openLedger({ url: `sqlite:${join(folder.path, 'ledger.sqlite')}` });
  opened.push(ledger);
  return ledger;
};
const late = (): Promise<Ledger> => openNowOrLater(open, (thrown) => troubles.push(thrown));

it('is the ledger itself where that answers', async () => {
  isUp = true;
  expect([await late(), troubles]).toEqual([opened[0], []]);
});

it('refuses each question while the ledger is down, and is opened once by the first ones that find it up', async () => {
  const ledger = await late();
  expect(troubles).toEqual([down]);
  for (let times = 0; times < 2; times += 1) await expect(ledger.inventory()).rejects.toBe(down);
  isUp = true;
  const [{ entries }, name, facts] = await Promise.all([
    ledger.inventory(),
    ledger.installation(),
    ledger.incidents({ limit: 5 }),
  ]);
  expect([entries, name, facts]).toEqual([[], await opened[0]?.installation(), []]);
  expect(opened).toHaveLength(1);
});

it('does not hide what no waiting mends', async () => {
  const wrong = new KeybatonError('INVALID_CONFIG', 'the ledger URL is wrong');
  await expect(
    openNowOrLater(
      () => Promise.reject(wrong),
      (thrown) => troubles.push(thrown),
    ),
  ).rejects.toBe(wrong);
  expect(troubles).toEqual([]);
});

it('closes what it opened, and opens nothing after that', async () => {
  const [never, once] = [await late(), await late()];
  await never.close();
  isUp = true;
  await once.clock();
  await once.close();
  const [first, ...more] = opened.splice(0);
  for (const ledger of [first, never, once])
    await expect(ledger?.clock()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect([more, opened]).toEqual([[], []]);
});
