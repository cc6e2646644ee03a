import { afterAll, beforeAll, describe } from 'vitest';
import { startFake } from '../fakes/start.ts';
import {
  type Application,
  authorityFile,
  documentedApplication,
  type KeyVaultFake,
  keyVaultSubject,
} from './azure-key-vault-subject.ts';
import { runBackendSuite } from './run-backend-suite.ts';

let fake: KeyVaultFake;
let admin: Application;
const authority = authorityFile();
beforeAll(async () => {
  fake = await startFake('azure-key-vault');
  admin = await documentedApplication(fake);
  // Whole seconds as ever, only shorter ones: every write waits for the end of its second.
  await fake.settings({ secondLasts: 2 });
});
afterAll(async () => {
  await fake.stop();
  authority.remove();
});

describe('azure-key-vault, under the documented role', () => {
  runBackendSuite({
    create: keyVaultSubject(
      () => fake,
      () => authority.path,
      () => admin,
    ),
  });
});
