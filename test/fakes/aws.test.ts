import { createHash, createHmac } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AwsSettings } from './aws/state.ts';
import { type RunningFake, startFake } from './start.ts';

let fake: RunningFake<AwsSettings>;
let admin: readonly [string, string];
beforeAll(async () => {
  fake = await startFake<AwsSettings>('aws');
  const { adminId } = (await fake.control('POST', '/users', { user: 'ann' })) as { adminId: string };
  admin = [adminId, fake.adminKey];
});
afterAll(() => fake?.stop());

/** Signed by hand, as the page of Signature Version 4 describes it. */
async function ask([id, secret]: readonly [string, string], form: Record<string, string>) {
  const body = new URLSearchParams(form).toString();
  const now = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${now.slice(0, 8)}/us-east-1/iam/aws4_request`;
  const { host } = new URL(fake.url);
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');
  const mac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
  const canonical = ['POST', '/', '', `host:${host}`, `x-amz-date:${now}`, '', 'host;x-amz-date', hash(body)].join(
    '\n',
  );
  const toSign = ['AWS4-HMAC-SHA256', now, scope, hash(canonical)].join('\n');
  const key = scope.split('/').reduce<string | Buffer>(mac, `AWS4${secret}`);
  const signature = mac(key, toSign).toString('hex');
  const answer = await fetch(fake.url, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-amz-date': now,
      authorization: `AWS4-HMAC-SHA256 Credential=${id}/${scope}, SignedHeaders=host;x-amz-date, Signature=${signature}`,
    },
  });
  const text = await answer.text();
  const field = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1] ?? '';
  return { status: answer.status, text, field };
}
const create = () => ask(admin, { Action: 'CreateAccessKey', UserName: 'ann' });

test('two access keys work, a third is over the quota, and a deleted one is not found again', async () => {
  const first = await create();
  const key = [first.field('AccessKeyId'), first.field('SecretAccessKey')] as const;
  expect((await ask(key, { Action: 'GetCallerIdentity' })).field('Arn')).toContain('user/ann');
  expect((await create()).status).toBe(200);
  const third = await create();
  expect([third.status, third.field('Code')]).toEqual([409, 'LimitExceeded']);
  const remove = () => ask(admin, { Action: 'DeleteAccessKey', UserName: 'ann', AccessKeyId: key[0] });
  expect([(await remove()).status, (await remove()).status]).toEqual([200, 404]);
  expect((await ask(key, { Action: 'GetCallerIdentity' })).field('Code')).toBe('InvalidClientTokenId');
});

test('an inactive key is refused and comes back, and its last use is told', async () => {
  await fake.control('POST', '/users', { user: 'bob' });
  const made = (await fake.control('POST', '/keys', { user: 'bob' })) as { id: string; secret: string };
  const who = async () => (await ask([made.id, made.secret], { Action: 'GetCallerIdentity' })).status;
  const used = async () =>
    (await ask(admin, { Action: 'GetAccessKeyLastUsed', AccessKeyId: made.id })).field('ServiceName');
  const set = (Status: string) =>
    ask(admin, { Action: 'UpdateAccessKey', UserName: 'bob', AccessKeyId: made.id, Status });
  expect(await used()).toBe('N/A');
  await set('Inactive');
  expect(await who()).toBe(403);
  await set('Active');
  expect([await who(), await used()]).toEqual([200, 'sts']);
});

test('a signature by another secret, and an admin nobody knows, are told apart', async () => {
  const list = { Action: 'ListAccessKeys', UserName: 'ann' };
  expect((await ask([admin[0], 'x'.repeat(40)], list)).field('Code')).toBe('SignatureDoesNotMatch');
  expect((await ask(['AKIANOBODYNOBODY1234', admin[1]], list)).field('Code')).toBe('InvalidClientTokenId');
});

test("Bedrock's keys are credentials of their own, two for a user, and answer in Bedrock's words", async () => {
  await fake.control('POST', '/users', { user: 'eve' });
  const form = { Action: 'CreateServiceSpecificCredential', UserName: 'eve', ServiceName: 'bedrock.amazonaws.com' };
  const secret = (await ask(admin, form)).field('ServiceCredentialSecret');
  const models = async (key: string) => {
    const answer = await fetch(`${fake.url}/foundation-models`, { headers: { authorization: `Bearer ${key}` } });
    return [answer.status, JSON.stringify(await answer.json())] as const;
  };
  expect((await models(secret))[0]).toBe(200);
  expect((await models(`${secret}x`))[1]).toContain('make sure your API Key is valid');
  await fake.settings({ denyUsers: true });
  expect((await models(secret))[1]).toContain('is not authorized to perform');
  await fake.reset();
});
