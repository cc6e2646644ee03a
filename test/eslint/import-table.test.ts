import { describe, expect, it } from 'vitest';
import { importProblem } from '../../eslint/rules.js';

const allowed: readonly (readonly [file: string, specifier: string])[] = [
  ['domain/gate.ts', './facts.ts'],
  ['inventory/schema.ts', '../domain/entry.ts'],
  ['inventory/schema.ts', 'zod'],
  ['providers/openai.ts', './provider.ts'],
  ['providers/openai.ts', './openai/keys.ts'],
  ['providers/openai/keys.ts', '../openai.ts'],
  ['providers/openai/keys.ts', '../../outbound/http-client.ts'],
  ['providers/registry.ts', './openai.ts'],
  ['backends/vault-kv.ts', 'node-vault'],
  ['evidence/possession.ts', '../backends/backend.ts'],
  ['conformance/provider.ts', 'node:assert/strict'],
  ['workflows/rotate-credential.ts', '@temporalio/workflow'],
  ['activities/issue.ts', '../ledger/ledger.ts'],
  ['control/cli/main.ts', '../../workflows/messages.ts'],
  ['worker/composition.ts', '../providers/registry.ts'],
  ['scripts/servers/tools.ts', '../setup/places.mjs'],
  ['test/anything.test.ts', '../scripts/servers/poll.ts'],
];

const refused: readonly (readonly [file: string, specifier: string, because: string])[] = [
  ['domain/gate.ts', 'node:crypto', 'the Node built-in'],
  ['domain/gate.ts', 'crypto', 'the Node built-in'],
  ['domain/gate.ts', 'zod', 'the npm package zod'],
  ['domain/gate.ts', '../ledger/ledger.ts', 'ledger/ledger.ts'],
  ['providers/openai.ts', './anthropic.ts', 'adapters never import each other'],
  ['providers/openai/keys.ts', '../anthropic/keys.ts', 'adapters never import each other'],
  ['providers/openai.ts', '../backends/backend.ts', 'backends/backend.ts'],
  ['backends/vault-kv.ts', '../providers/provider.ts', 'providers/provider.ts'],
  ['evidence/possession.ts', '../backends/embedded.ts', 'backends/embedded.ts'],
  ['ledger/sqlite.ts', '../activities/issue.ts', 'activities/issue.ts'],
  ['conformance/provider.ts', 'vitest', 'the npm package vitest'],
  ['conformance/provider.ts', '../providers/in-memory.ts', 'providers/in-memory.ts'],
  ['workflows/rotate-credential.ts', 'node:timers', 'the Node built-in'],
  ['workflows/rotate-credential.ts', '@temporalio/common', 'the npm package @temporalio/common'],
  ['workflows/rotate-credential.ts', '../activities/activities.ts', 'only with "import type"'],
  ['activities/issue.ts', '../providers/openai.ts', 'providers/openai.ts'],
  ['activities/issue.ts', '../ledger/sqlite.ts', 'ledger/sqlite.ts'],
  ['control/cli/main.ts', '../../worker/composition.ts', 'worker/composition.ts'],
  ['control/cli/main.ts', '../../workflows/rotate-credential.ts', 'workflows/rotate-credential.ts'],
  ['intake/github.ts', '../control/http-api/server.ts', 'control/http-api/server.ts'],
  ['bin/keybaton.js', '../providers/openai.ts', 'providers/openai.ts'],
  ['consumer/client.ts', 'axios', 'the npm package axios'],
  ['consumer/client.ts', '../domain/errors.ts', 'domain/errors.ts'],
  ['scripts/demo/demo.ts', '../../test/support/needs.ts', 'test/support/needs.ts'],
  ['adapter.ts', './worker/composition.ts', 'worker/composition.ts'],
];

describe('the import table', () => {
  it.each(allowed)('lets %s import %s', (file, specifier) => {
    expect(importProblem({ file, specifier, typeOnly: false })).toBeUndefined();
  });

  it.each(refused)('does not let %s import %s', (file, specifier, because) => {
    expect(importProblem({ file, specifier, typeOnly: false })).toContain(because);
  });

  it('lets workflows import the types of activities', () => {
    const specifier = '../activities/activities.ts';
    expect(importProblem({ file: 'workflows/effects.ts', specifier, typeOnly: true })).toBeUndefined();
  });

  it('lets nothing import tests', () => {
    for (const file of ['domain/gate.ts', 'worker/composition.ts', 'scripts/check.ts', 'consumer/client.ts']) {
      expect(importProblem({ file, specifier: '../test/support/needs.ts', typeOnly: true }), file).toBeDefined();
    }
  });
});
