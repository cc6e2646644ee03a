import { describe, expect, test } from 'vitest';
import { checked, complaints, entryText, targetsText } from './reading.ts';
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

  test('every circle of dependents, each at the link that closes it', () => {
    const said = complaints({
      inventory:
        entryText(none, 'dependents: [in-memory/prod/two, in-memory/prod/three]') +
        also('in-memory/prod/two', ...plain, 'dependents: [in-memory/prod/bot]') +
        also('in-memory/prod/three', ...plain, 'dependents: [in-memory/prod/four, in-memory/prod/bot]') +
        also('in-memory/prod/four', ...plain, 'dependents: [in-memory/prod/three]'),
    });
    expect(said.map((one) => one.replaceAll('in-memory/prod/', '').replace(/^\S+ /, ''))).toEqual([
      'credentials.two.dependents[0]: dependents go in a circle: bot -> two -> bot',
      'credentials.three.dependents[1]: dependents go in a circle: bot -> three -> bot',
      'credentials.four.dependents[0]: dependents go in a circle: three -> four -> three',
    ]);
  });

  test('no dependents that many name, nor a chain as long as an inventory', () => {
    const ids = Array.from({ length: 2_000 }, (_, index) => `in-memory/prod/n${index}`);
    const lines = ids.map((id, index) =>
      also(id, ...plain, `dependents: [${ids.slice(index + 1, index + 3).join(', ')}]`),
    );
    expect(complaints({ inventory: entryText(none) + lines.join('') })).toEqual([]);
  });
});

describe('apply accepts', () => {
  test('a dependent of another team where its target allows the team of the entry', () => {
    const others = checked({ inventory: entryText(none).replaceAll('bot', 'theirs') }).entries.map((one) => ({
      ...one,
      team: 'support',
    }));
    expect(complaints({ inventory: entryText(none, 'dependents: [in-memory/prod/theirs]'), others })).toEqual([]);
  });

  test('an admin credential that is revoked first where the target has a second one', () => {
    const targets = targetsText
      .replace('admin: env:ADMIN\n', 'admin: credential:in-memory/prod/root\n    secondAdmin: env:SECOND\n')
      .replace(
        '  pair:',
        '  roots: { provider: in-memory, environment: prod, admin: env:ROOT, teams: [search] }\n  pair:',
      );
    const proved = 'consumers: [{ name: keybaton, demand: possession }]';
    const inventory = entryText(none) + also('in-memory/prod/root', 'target: roots', 'team: search', proved);
    expect(complaints({ targets, inventory })).toEqual([]);
    // It may be made at the very target that it opens: after a leak the second one replaces it.
    const itself = entryText(none) + also('in-memory/prod/root', 'target: memory', 'team: search', proved);
    expect(complaints({ targets, inventory: itself })).toEqual([]);
    const alone = targets.replace('    secondAdmin: env:SECOND\n', '');
    expect(complaints({ targets: alone, inventory: itself }).join('\n')).toContain(
      'targets.memory.admin: a target cannot make the only admin credential that opens it',
    );
  });

  test('three keys where one is a standby', () => {
    const targets = targetsText.replace('environment: prod\n', 'environment: prod\n    settings: { maxLive: 3 }\n');
    expect(complaints({ targets, inventory: entryText(none, 'emergency: { policy: standby }') })).toEqual([]);
  });
});
