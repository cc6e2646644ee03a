import { afterAll, beforeAll, describe } from 'vitest';
import { startFake } from '../fakes/start.ts';
import { documentedGrants, type GoogleFake, googleSubject } from './google-subject.ts';
import { runBackendSuite } from './run-backend-suite.ts';

let fake: GoogleFake;
const token = 'canary-least-rights-token';
beforeAll(async () => {
  fake = await startFake('google-secret-manager');
  await fake.control('POST', '/grant', { token, allowed: documentedGrants('ai__') });
});
afterAll(async () => {
  await fake.stop();
});

describe('Google Secret Manager under the documented roles, read by latest', () => {
  runBackendSuite({
    create: googleSubject(
      () => fake,
      () => token,
      { what: 'latest' },
    ),
  });
});

describe('Google Secret Manager under the documented roles, read by an alias', () => {
  runBackendSuite({
    create: googleSubject(
      () => fake,
      () => token,
      { what: 'alias', alias: 'keybaton-current' },
    ),
  });
});
