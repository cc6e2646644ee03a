// Holds the adapter to keybaton's provider contract: by `node --test`, and by vitest, which finds this file by its name.
import { randomUUID } from 'node:crypto';
import { SecretMaterial } from '@keybaton/keybaton/adapter';
import type { Target } from '@keybaton/keybaton/adapter';
import { providerSuite } from '@keybaton/keybaton/conformance';
import { acmeVendorProvider, loseNextAnswer, pretendedAdmin, type Settings } from './acme-vendor.mts';

/** The part that node:test and vitest have in common. */
interface Runner {
  readonly test: (name: string, run: (context: { skip(reason: string): void }) => Promise<void>) => void;
}
// By a variable, so that what is not installed is not looked for; both runners have this part.
const runner: string = process.env['VITEST'] === undefined ? 'node:test' : 'vitest';
const { test } = (await import(runner)) as Runner;

/** REPLACE: an empty place at the fake of the vendor, asked anew for every test. */
function emptyPlace(): Target<Settings> {
  return {
    name: 'acme-vendor-test',
    environment: 'test',
    installation: 'kit00001',
    settings: { baseUrl: `https://acme-vendor.example/${randomUUID()}` },
    admin: async () => new SecretMaterial({ token: pretendedAdmin }, 'token'),
  };
}

const suite = providerSuite<Settings>({
  create: () => acmeVendorProvider(),
  settings: emptyPlace().settings,
  target: emptyPlace,
  // REPLACE: the same place, where nobody listens: a closed port of this machine.
  unreachable: (target) => ({ ...target, settings: { baseUrl: 'https://nobody.example' } }),
  // REPLACE: the fake makes the next key and drops the connection.
  loseAnswer: ({ settings }) => loseNextAnswer(settings.baseUrl),
  // With a fake that can be silent add `silent`, and with a last-use signal `use`: more of the kit runs then. A test that
  // this vendor cannot pass is skipped by its name in `skips`, only with the reason.
});

for (const one of suite) {
  test(one.name, async (context) => (one.skipped === undefined ? one.run() : context.skip(one.skipped)));
}
