import { describe, expect, test } from 'vitest';
import { complaints, entryText, targetsText } from './reading.ts';
import { also, none, plain } from './refusal.ts';
import { refusalsOfDemands } from './refusals-of-demands.ts';
import { refusalsOfNames } from './refusals-of-names.ts';

describe('apply refuses', () => {
  test.each([...refusalsOfNames, ...refusalsOfDemands])('$what', ({ files, says }) => {
    const said = complaints(files);
    expect(said.join('\n')).toContain(says);
    expect(said).toHaveLength(1);
  });

  test('everything at once, in the order of the files', () => {
    const said = complaints({
      targets: targetsText.replace('teams: [search]\n    probes', 'teams: []\n    probes'),
      inventory:
        entryText('consumers: [{ name: WEB }]', 'soak: soon') +
        also('odd id', ...plain) +
        also('in-memory/prod/two', 'target: nowhere', 'team: search', none),
    });
    expect(said.map((one) => one.split(' ')[0])).toEqual([
      'targets.yml:7:5',
      'inventory.yml:6:19',
      'inventory.yml:7:5',
      'inventory.yml:8:3',
      'inventory.yml:13:5',
    ]);
  });
});
