import { z } from 'zod';
import type { ZodType } from 'zod';
import type { Adapters } from './adapters.ts';
import { inventoryFileSchema } from './entries.ts';
import { targetsFileSchema } from './targets.ts';

/** JSON Schema of both files, for editors: what may stand where, what is known by name, and what it means. Pure. */
export interface JsonSchemas {
  readonly targets: JsonSchema;
  readonly inventory: JsonSchema;
}

export type JsonSchema = Readonly<Record<string, unknown>>;

const namePattern = '^[a-z0-9][a-z0-9-]{0,62}$';
const idPattern = '^[a-z0-9][a-z0-9-]{0,62}/[a-z0-9][a-z0-9-]{0,62}/[a-z0-9][a-z0-9-]{0,62}$';

export function jsonSchemas({ targetSchemas, backendSchemas }: Adapters): JsonSchemas {
  const targets = schemaOf(targetsFileSchema);
  const inventory = schemaOf(inventoryFileSchema);
  const members = property(targets, 'targets');
  const places = property(targets, 'backends');
  return {
    targets: {
      ...targets,
      title: 'keybaton targets',
      properties: {
        targets: {
          ...members,
          propertyNames: { pattern: namePattern },
          additionalProperties: known(members, 'provider', targetSchemas),
        },
        backends: {
          ...places,
          propertyNames: { pattern: namePattern },
          additionalProperties: known(places, 'kind', backendSchemas),
        },
        clusters: { ...property(targets, 'clusters'), propertyNames: { pattern: namePattern } },
        notify: { ...property(targets, 'notify'), propertyNames: { pattern: namePattern } },
      },
    },
    inventory: {
      ...inventory,
      title: 'keybaton inventory',
      properties: {
        teams: property(inventory, 'teams'),
        credentials: { ...property(inventory, 'credentials'), propertyNames: { pattern: idPattern } },
      },
    },
  };
}

function schemaOf(schema: ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
}

/** One of the registered names, and for each of them its own settings. */
function known(members: JsonSchema, key: 'provider' | 'kind', schemas: Readonly<Record<string, ZodType>>): JsonSchema {
  const member = asSchema(members['additionalProperties']);
  const names = Object.keys(schemas).sort();
  return {
    ...member,
    properties: { ...asSchema(member['properties']), [key]: { ...property(member, key), enum: names } },
    allOf: names.map((name) => ({
      if: { properties: { [key]: { const: name } }, required: [key] },
      then: { properties: { settings: withoutDialect(schemaOf(schemas[name] ?? z.unknown())) } },
    })),
  };
}

function withoutDialect({ $schema: _dialect, ...schema }: JsonSchema): JsonSchema {
  return schema;
}

const property = (schema: JsonSchema, name: string): JsonSchema => asSchema(asSchema(schema['properties'])[name]);

function asSchema(value: unknown): JsonSchema {
  if (typeof value !== 'object' || value === null) throw new TypeError('a schema of keybaton is not an object schema');
  // An object in a JSON Schema is a record by the format.
  return value as JsonSchema;
}
