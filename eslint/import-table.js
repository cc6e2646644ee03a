// What each folder may import of ours, and from npm and Node. `rules.js` enforces it; the table in ARCHITECTURE.md says the same.
//
//   may       folders ('domain') or single files ('ledger/ledger.ts'); a file may always import from its own folder
//   types     the same, but by `import type` alone
//   packages  npm packages; absent: any. `[]`: none
//   builtins  false: no Node built-in module
//   apart     true: each entry of the folder is a world of its own and imports only itself and the folder's contract
//   shared    with `apart`: files of the folder that every entry may import, since they belong to the contract

/** The two contracts that adapters implement. */
const contracts = ['providers/provider.ts', 'backends/backend.ts'];

const everything = [
  'domain',
  'inventory',
  'outbound',
  'providers',
  'backends',
  'evidence',
  'ledger',
  'conformance',
  'workflows',
  'activities',
  'intake',
  'control',
  'worker',
];

export const importTable = {
  domain: { may: [], packages: [], builtins: false },
  inventory: { may: ['domain'] },
  outbound: { may: ['domain'] },
  providers: {
    may: ['domain', 'outbound'],
    apart: true,
    contract: 'providers/provider.ts',
    shared: ['providers/value-revoker.ts'],
  },
  backends: {
    may: ['domain', 'outbound'],
    apart: true,
    contract: 'backends/backend.ts',
    shared: [
      'backends/call.ts',
      'backends/envelope-text.ts',
      'backends/fields.ts',
      'backends/flat-name.ts',
      'backends/looked-up.ts',
      'backends/main-place.ts',
      'backends/staged-beside.ts',
      'backends/walking.ts',
    ],
  },
  evidence: { may: ['domain', 'backends/backend.ts', 'outbound'] },
  ledger: { may: ['domain'] },
  conformance: { may: ['domain', ...contracts], packages: [] },
  workflows: { may: ['domain'], types: ['activities'], packages: ['@temporalio/workflow'], builtins: false },
  activities: { may: ['domain', ...contracts, 'ledger/ledger.ts', 'evidence'] },
  intake: { may: ['domain', 'control/operations'] },
  control: { may: ['domain', 'workflows/messages.ts', 'inventory', 'outbound', 'ledger/ledger.ts'] },
  worker: { may: everything },
  bin: { may: ['worker', 'control'] },
  consumer: { may: [], packages: [] },
  scripts: { may: [...everything, 'consumer', 'bin'] },
  test: { may: [...everything, 'consumer', 'bin', 'scripts', 'eslint'] },
  docs: { may: [...everything, 'scripts'] },
};

/** Files at the root: what authors of adapters import. */
export const rootFiles = {
  'adapter.ts': { may: ['domain', ...contracts, 'outbound'] },
};

/** A registry is the one file of its folder that may name every adapter. */
export const registries = ['providers/registry.ts', 'backends/registry.ts'];

/** Where a secret may leave its `SecretMaterial`. */
export const revealAllowedIn = [
  'providers/',
  'backends/',
  'evidence/possession.ts',
  'activities/fingerprint.ts',
  'conformance/',
  'control/http-api/secret-route.ts',
  'worker/drill-handover.ts',
  'outbound/webhook.ts',
  'outbound/pager-duty.ts',
  'outbound/slack.ts',
  'outbound/kubernetes-api.ts',
  'outbound/open-id.ts',
  'consumer/',
  'test/',
];

/** Where printing to the terminal is the job. */
export const consoleAllowedIn = ['bin/', 'scripts/', 'control/cli/'];
