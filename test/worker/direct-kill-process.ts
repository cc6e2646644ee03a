/** A direct kill in a process of its own, slowly, so that a test can kill it in the middle. Prints each fact once it is on disk. */
import { readFileSync } from 'node:fs';
import { setTimeout as after } from 'node:timers/promises';
import { installationKey } from '../../worker/installation-key.ts';
import { adaptersOf, noLedger, openContainment } from './direct-kill-rig.ts';

const [home = '', killSheet = '', keyText = '', declared = ''] = process.argv.slice(2);
const { direct } = openContainment({
  home,
  killSheet,
  key: installationKey(Buffer.from(keyText, 'base64')),
  adapters: adaptersOf((adapter) => ({
    ...adapter,
    async revoke(target, ref, call) {
      await adapter.revoke(target, ref, call);
      await after(50);
    },
    async list(target, call) {
      await after(50);
      return adapter.list(target, call);
    },
  })),
  environment: { ADMIN: 'admin' },
  ledger: noLedger,
  rotations: { escalate: async () => undefined },
});
await direct.run({
  ...JSON.parse(readFileSync(declared, 'utf8')),
  onFact: (fact) => console.log(`fact ${fact.kind} ${fact.version}`),
  signal: new AbortController().signal,
});
console.log('done');
