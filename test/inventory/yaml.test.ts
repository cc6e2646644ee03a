import { describe, expect, test } from 'vitest';
import { problemText } from '../../inventory/problem.ts';
import { complaints, entryText, targetsText } from './reading.ts';

const secret = 'sk-live-0815-do-not-print';

describe('a file that is no YAML', () => {
  test.each([
    [
      'a bracket that is never closed',
      'teams: [search\ncredentials: {}\n',
      'inventory.yml:2:1',
      'wrong indentation, or a bracket that is never closed',
    ],
    [
      'a tab as indentation',
      'teams: [search]\ncredentials:\n\tx: 1\n',
      'inventory.yml:3:1',
      'a tab is used as indentation',
    ],
    [
      'one key twice',
      'teams: [search]\nteams: [other]\ncredentials: {}\n',
      'inventory.yml:2:1',
      'this key stands twice on the same level',
    ],
    ['two documents', 'teams: [search]\n---\ncredentials: {}\n', 'inventory.yml:2:1', 'more than one document'],
    ['an alias without an anchor', 'teams: *nobody\ncredentials: {}\n', 'inventory.yml:', 'alias'],
  ])('is told so with its place: %s', (_what, inventory, place, text) => {
    const said = complaints({ inventory });
    expect(said.join('\n')).toContain('not valid YAML: ');
    expect(said.join('\n')).toContain(text);
    expect(said[0]?.startsWith(place)).toBe(true);
  });

  test('never has its text repeated, which may be a secret pasted in the wrong place', () => {
    const broken = [
      `targets: {a: "${secret}\nbackends: [`,
      `targets: ${secret}: ${secret}\n`,
      `${secret}\n`,
      `targets: &x [*${secret}]\n`,
      `? [${secret}]\n: 1\n`,
    ];
    const said = broken.flatMap((targets) => complaints({ targets }));
    expect(said.length).toBeGreaterThanOrEqual(broken.length);
    expect(said.join('\n')).not.toContain(secret);
  });

  test('does not hide the mistakes of the other file', () => {
    const said = complaints({ targets: targetsText.replace('kind: in-memory', 'kind: valt'), inventory: 'teams: [' });
    expect(said.map((one) => one.split(':')[0])).toEqual(['targets.yml', 'inventory.yml']);
  });

  test('that would unfold into far more than it holds is refused', () => {
    const bomb = `a: &a [x, x, x, x, x, x, x, x, x]\n${'bcdefgh'
      .split('')
      .map(
        (key, index) =>
          `${key}: &${key} [${Array(9)
            .fill(`*${'abcdefg'[index] ?? 'a'}`)
            .join(', ')}]`,
      )
      .join('\n')}\n`;
    expect(complaints({ targets: bomb })[0]).toContain('too many of them');
  });
});

describe('a value in the wrong place', () => {
  test('is never repeated: not under admin, settings, a path, a duration or an unknown shape', () => {
    const targets = targetsText.replace(
      'admin: env:ADMIN\n',
      `admin: ${secret}\n    settings: { lag: ${secret} }\n    expiry: ${secret}\n`,
    );
    const inventory = entryText(
      `consumers: ${secret}`,
      `soak: ${secret}`,
      `tier: ${secret}`,
      `backends: [{ backend: vault, path: "${secret} x" }]`,
    );
    const said = complaints({ targets, inventory });
    expect(said.length).toBeGreaterThan(5);
    expect(said.join('\n')).not.toContain(secret);
  });
});

test('keys that mean something to JavaScript are keys like any other', () => {
  const said = complaints({ inventory: `${entryText('consumers: []')}__proto__: { x: 1 }\nconstructor: 1\n` });
  expect(said.map((one) => one.split(' ')[1])).toEqual(['__proto__:', 'constructor:']);
  expect(
    complaints({ inventory: entryText('consumers: []').replace('target: memory', 'target: constructor') }).join(),
  ).toContain('no such target');
});

test('an empty file says what belongs in it', () => {
  expect(complaints({ inventory: '' })).toEqual([
    'inventory.yml:1:1 (top of the file): expected a file with teams and credentials',
  ]);
});

test('a path with control characters cannot forge a line of the output', () => {
  const problem = { file: 'inventory', path: ['credentials', 'x\nfake: 1'], text: 'odd', line: 1, column: 1 } as const;
  expect(problemText(problem, { inventory: 'i.yml', targets: 't.yml' })).toBe(
    'i.yml:1:1 credentials."x\\nfake: 1": odd',
  );
});
