// Writes schemas/*.schema.json from the code. `test/inventory/json-schema.test.ts` fails when they differ.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { accessJsonSchema } from '../control/access/access-json-schema.ts';
import { backendRegistry } from '../backends/registry.ts';
import { format } from 'prettier';
import { jsonSchemas, type JsonSchema } from '../inventory/json-schema.ts';
import { providers } from '../providers/registry.ts';
import { inventoryAdapters } from '../worker/inventory-adapters.ts';

const folder = join(import.meta.dirname, '..', 'schemas');

export async function currentSchemas(): Promise<Readonly<Record<string, string>>> {
  const { targets, inventory } = jsonSchemas(inventoryAdapters({ providers, backends: backendRegistry }));
  return {
    'targets.schema.json': await formatted(targets),
    'inventory.schema.json': await formatted(inventory),
    'access.schema.json': await formatted(accessJsonSchema()),
  };
}

/** As `npm run check:format` wants it. */
function formatted(schema: JsonSchema): Promise<string> {
  return format(JSON.stringify(schema), { parser: 'json', printWidth: 120 });
}

if (import.meta.main) {
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(await currentSchemas())) await writeFile(join(folder, name), text);
}
