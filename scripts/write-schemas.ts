// Writes schemas/*.schema.json from the code. `test/inventory/json-schema.test.ts` fails when they differ.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { backendRegistry } from '../backends/registry.ts';
import { jsonSchemas } from '../inventory/json-schema.ts';
import { providers } from '../providers/registry.ts';

const folder = join(import.meta.dirname, '..', 'schemas');

export function currentSchemas(): Readonly<Record<string, string>> {
  const { targets, inventory } = jsonSchemas({
    targetSchemas: Object.fromEntries(Object.entries(providers).map(([name, make]) => [name, make().settingsSchema])),
    backendSchemas: Object.fromEntries(
      Object.entries(backendRegistry).map(([kind, one]) => [kind, one.settingsSchema]),
    ),
  });
  return {
    'targets.schema.json': `${JSON.stringify(targets, null, 2)}\n`,
    'inventory.schema.json': `${JSON.stringify(inventory, null, 2)}\n`,
  };
}

if (import.meta.main) {
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(currentSchemas())) await writeFile(join(folder, name), text);
}
