import { Ajv2020 } from 'ajv/dist/2020.js';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { currentSchemas } from '../../scripts/write-schemas.ts';
import { complaints, checked, entryText, targetsText } from './reading.ts';

const root = join(import.meta.dirname, '..', '..');
const text = (name: string): Promise<string> => readFile(join(root, name), 'utf8');
const example = async (): Promise<{ targets: string; inventory: string }> => ({
  targets: await text('targets.example.yml'),
  inventory: await text('inventory.example.yml'),
});

describe('the example files', () => {
  test('are accepted, without one complaint', async () => {
    expect(complaints(await example())).toEqual([]);
  });

  test('show every part of an entry', async () => {
    const written = JSON.stringify(parse((await example()).inventory));
    const parts = [
      'contact',
      'groups',
      'tier',
      'mode',
      'every',
      'window',
      'freeze',
      'path',
      'fields',
      'consumers',
      'demand',
      'deadline',
      'without',
      'probe',
      'silence',
      'soak',
      'emergency',
      'dependents',
      'apartFrom',
    ];
    expect(parts.filter((part) => !written.includes(`"${part}"`))).toEqual([]);
    expect(checked(await example()).entries).toHaveLength(4);
  });
});

describe('the published JSON Schema', () => {
  test.each(['targets.schema.json', 'inventory.schema.json'])(
    '%s is what the code says (node scripts/write-schemas.ts writes it)',
    async (name) => {
      expect(await text(join('schemas', name))).toBe((await currentSchemas())[name]);
    },
  );

  test('accepts the examples and refuses what the reader refuses', async () => {
    const { targets, inventory } = await example();
    const ofTargets = await validator('targets');
    const ofInventory = await validator('inventory');
    expect([
      ofTargets(targets),
      ofInventory(inventory),
      ofTargets(targetsText),
      ofInventory(entryText('consumers: []')),
    ]).toEqual([true, true, true, true]);
    expect(ofInventory(inventory.replace('tier: critical', 'tier: critcal'))).toBe(false);
    expect(ofInventory(inventory.replace('every: 60d', 'every: 60'))).toBe(false);
    expect(ofTargets(targets.replace('provider: openai', 'provider: opnai'))).toBe(false);
    expect(ofTargets(targets.replace('project: proj_support', 'projet: proj_support'))).toBe(false);
  });
});

async function validator(name: 'targets' | 'inventory'): Promise<(yaml: string) => boolean> {
  const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(
    JSON.parse(await text(`schemas/${name}.schema.json`)),
  );
  return (yaml) => validate(parse(yaml));
}
