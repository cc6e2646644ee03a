import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openReviews } from '../../control/access/reviews.ts';
import { openRig, type Rig } from '../activities/rig.ts';
import { checksOf, of } from './checks-rig.ts';

let folder: string;
let rig: Rig;
beforeEach(async () => {
  [folder, rig] = [await mkdtemp(join(tmpdir(), 'keybaton-reviews-')), await openRig()];
});
afterEach(async () => {
  await rig.close();
  await rm(folder, { recursive: true });
});

test('doctor warns of broken glass until a person has closed the review', async () => {
  const reviews = openReviews(join(folder, 'break-glass.jsonl'));
  const found = async () => of(await checksOf(rig, { reviews }).doctor(), 'break-glass');
  expect(await found()).toEqual([]);

  const now = Date.now();
  const { id } = await reviews.open({ token: 'safe-berlin', address: '192.0.2.7', now });
  await reviews.told({ review: id, told: false, now });
  expect(await found()).toEqual([
    {
      subject: 'break-glass',
      verdict: 'warning',
      text: expect.stringMatching(
        new RegExp(`^review ${id} is open: .*safe-berlin.*192\\.0\\.2\\.7.*nobody could be woken`),
      ),
      remedy: expect.stringContaining(`keybaton review close ${id}`),
    },
  ]);

  await reviews.close({ review: id, by: 'oidc:company:sam', why: 'looked at it', now });
  expect(await found()).toEqual([]);
});

test('the doctor of an API says of which host it speaks, asks no target or backend, and says where to ask them', async () => {
  const reviews = openReviews(join(folder, 'break-glass.jsonl'));
  await reviews.open({ token: 'safe-berlin', address: '192.0.2.7', now: Date.now() });
  const checks = checksOf(rig, { reviews, host: 'api-1.example' });
  const [everything, here] = [await checks.doctor(), (await checks.doctorHere?.()) ?? []];
  const subjects = new Set(here.map(({ subject }) => subject));
  expect(here[0]).toMatchObject({ subject: 'host', text: expect.stringContaining('the API on api-1.example') });
  expect(of(here, 'break-glass')).toMatchObject([{ verdict: 'warning' }]);
  expect(of(here, 'targets and backends')).toMatchObject([
    { verdict: 'cannot tell', remedy: 'on the host of a worker type: keybaton doctor' },
  ]);
  // Whatever it leaves out is a target or a backend.
  const left = everything.map(({ subject }) => subject).filter((one) => !subjects.has(one));
  expect(left.length).toBeGreaterThan(0);
  expect(left.filter((one) => !/^(target|backend) /.test(one))).toEqual([]);
});
