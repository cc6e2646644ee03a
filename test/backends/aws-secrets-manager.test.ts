import { afterAll, beforeAll, describe } from 'vitest';
import { startFake } from '../fakes/start.ts';
import {
  type AwsFake,
  awsSubject,
  consumerPolicy,
  keybatonPolicy,
  type Keys,
  keysWith,
} from './aws-secrets-manager-subject.ts';
import { runBackendSuite } from './run-backend-suite.ts';

let fake: AwsFake;
let admin: Keys;
let consumer: Keys;
beforeAll(async () => {
  fake = await startFake('aws-secrets-manager');
  admin = await keysWith(fake, keybatonPolicy);
  consumer = await keysWith(fake, consumerPolicy);
});
afterAll(() => fake.stop());

describe('aws-secrets-manager, under the documented policies', () => {
  runBackendSuite({
    create: awsSubject(
      () => fake,
      () => admin,
      () => consumer,
    ),
  });
});
