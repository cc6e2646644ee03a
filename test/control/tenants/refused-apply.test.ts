import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Principal } from '../../../control/access/principal.ts';
import { call } from '../../../control/http-api/people/call.ts';
import type { ApplyResult } from '../../../control/operations/apply.ts';
import { applyOperation } from '../../../control/operations/table/apply.ts';
import { rules } from '../../../inventory/rules/all.ts';
import type { Rule } from '../../../inventory/rules/world.ts';
import { grantOf, openAccessWorld } from '../access/access-world.ts';
import type { AccessWorld } from '../access/access-world.ts';
import { openBench } from '../bench.ts';
import type { Bench } from '../bench.ts';

/** The unmistakable name of everything that the other team has. */
const foreign = /quagga/;
const none = 'consumers: { none: a test }';
const own = (text: string): string => `teams: [search]\ncredentials:\n${text}`;
const theirs = (text: string): string => `teams: [quagga]\ncredentials:\n${text}`;
const one = (id: string, target: string, team: string, ...more: readonly string[]): string =>
  `  in-memory/prod/${id}:\n${[`target: ${target}`, `team: ${team}`, none, ...more].map((line) => `    ${line}\n`).join('')}`;

const memory = '{ provider: in-memory, environment: prod, admin: env:ADMIN, teams: [search, quagga] }';
const quaggas = '{ provider: in-memory, environment: prod, admin: env:ADMIN, teams: [quagga] }';
const slots = '{ provider: in-memory-slots, environment: prod, admin: env:ADMIN, teams: [search, quagga] }';
const small =
  '{ provider: in-memory, environment: prod, admin: env:ADMIN, teams: [search, quagga], settings: { maxLive: 5 } }';
const opened = (id: string): string => memory.replace('env:ADMIN', `credential:in-memory/prod/${id}`);
const targetsOf = (all: Readonly<Record<string, string>>): string =>
  `targets:\n${Object.entries({ memory, 'quagga-target': quaggas, slots, small, ...all })
    .map(([name, text]) => `  ${name}: ${text}\n`)
    .join('')}backends:\n  vault: { kind: in-memory }\n`;
const plain = targetsOf({});

interface Case {
  /** Applied on the machine itself, one after the other, before the team asks. */
  readonly there: readonly string[];
  readonly asked: string;
  readonly targets?: string;
  /** What the team is told; what it is to do is in it. */
  readonly says: string;
  /** What the admin of everything is told of the other team; undefined: this rule names nothing of it to anybody. */
  readonly names?: string;
}

const root = one('quagga-root', 'quagga-target', 'quagga');

/** By the name of the rule. */
const cases: Readonly<Record<string, Case>> = {
  ownLocation: {
    there: [theirs(one('quagga', 'memory', 'quagga', 'backends: [{ backend: vault, path: ai/shared/here }]'))],
    asked: own(one('bot', 'memory', 'search', 'backends: [{ backend: vault, path: ai/shared/here }]')),
    says: 'renders to the same backend location as an entry of another team: give this one another path',
    names: 'renders to the same backend location as in-memory/prod/quagga:',
  },
  knownRelations: {
    there: [theirs(root)],
    asked: own(one('bot', 'memory', 'search', 'dependents: [in-memory/prod/nobody]')),
    says: 'not an entry that one of team search may name: expected an id of this file',
  },
  dependentsOfOwnTeam: {
    there: [theirs(root)],
    asked: own(one('bot', 'memory', 'search', 'dependents: [in-memory/prod/quagga-root]')),
    says: 'not an entry that one of team search may name: expected an id of this file',
    names: 'belongs to team quagga: an entry of team search may name it only when target quagga-target allows',
  },
  noCircles: {
    there: [
      own(one('bot', 'memory', 'search')),
      theirs(
        one('quagga', 'memory', 'quagga', 'dependents: [in-memory/prod/quagga-two]') +
          one('quagga-two', 'memory', 'quagga', 'dependents: [in-memory/prod/bot]'),
      ),
    ],
    asked: own(one('bot', 'memory', 'search', 'dependents: [in-memory/prod/quagga]')),
    says: 'dependents go in a circle: in-memory/prod/bot -> an entry of another team -> in-memory/prod/bot',
    names: 'in-memory/prod/bot -> in-memory/prod/quagga -> in-memory/prod/quagga-two -> in-memory/prod/bot',
  },
  movedOnce: {
    there: [theirs(root)],
    asked: own(one('bot', 'memory', 'search', 'movedFrom: in-memory/prod/quagga-root')),
    says: 'that entry belongs to a team of another file',
  },
  notAnothersEntry: {
    there: [theirs(one('taken', 'memory', 'quagga'))],
    asked: own(one('taken', 'memory', 'search')),
    says: 'this id belongs to another team: choose another id',
    names: 'this id belongs to team quagga',
  },
  ownTarget: {
    there: [theirs(one('quagga', 'slots', 'quagga').replace('in-memory/', 'in-memory-slots/'))],
    asked: own(one('bot', 'slots', 'search').replace('in-memory/', 'in-memory-slots/')),
    says: 'this target belongs to one credential, and an entry of another team has it: name a target of its own',
    names: 'and in-memory-slots/prod/quagga has it',
  },
  roomForAll: {
    there: [theirs(one('quagga', 'small', 'quagga') + one('quagga-two', 'small', 'quagga'))],
    asked: own(one('bot', 'small', 'search')),
    says: 'this target may hold 5 live keys, and its entries need 6 (two each, three with a standby): in-memory/prod/bot and 2 of other teams',
    names: 'in-memory/prod/bot, in-memory/prod/quagga, in-memory/prod/quagga-two',
  },
  adminReadableWithoutBackend: {
    there: [theirs(root)],
    asked: own(one('bot', 'memory', 'search')),
    targets: targetsOf({ memory: opened('quagga-root') }),
    says: 'the admin credential of this target can be read only from a backend that holds this credential',
  },
  adminExists: {
    there: [theirs(root)],
    asked: own(one('bot', 'memory', 'search')),
    targets: targetsOf({ 'own-target': opened('nobody') }),
    says: 'names a credential that no inventory has: apply that entry first',
  },
  adminOutlivesItsLeak: {
    there: [theirs(root)],
    asked: own(one('bot', 'memory', 'search')),
    targets: targetsOf({ 'own-target': opened('quagga-root') }),
    says: 'it opens target own-target, where nothing could be killed once it is revoked',
  },
  adminProvedByUse: {
    there: [theirs(root)],
    asked: own(one('bot', 'memory', 'search')),
    targets: targetsOf({ 'own-target': opened('quagga-root') }),
    says: 'an entry of another team opens target own-target, so keybaton must prove',
    names: 'in-memory/prod/quagga-root opens target own-target',
  },
};

const looked = new Set<string>();
// The table is a plain object: each rule is replaced by one that says when it looks at entries of other teams.
const table = rules as Record<string, Rule>;
const before = { ...table };
let access: AccessWorld;
let bench: Bench;
let team: Principal;
let admin: Principal;

beforeAll(async () => {
  access = await openAccessWorld();
  team = await access.bearer(await access.token('team', [grantOf('team', { teams: ['search'] })]));
  admin = await access.bearer(await access.token('admin', [grantOf('admin')]));
  for (const [name, rule] of Object.entries(before))
    table[name] = (world) =>
      rule(
        new Proxy(world, {
          get(of, key) {
            if (key === 'others') looked.add(name);
            return Reflect.get(of, key) as unknown;
          },
        }),
      );
});
afterAll(async () => {
  Object.assign(table, before);
  await access.close();
});
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

/** Texts of the problems, and where they are, without what the caller wrote. */
async function toldTo(principal: Principal, { asked, targets = plain }: Case): Promise<string> {
  const answer = (await call({
    operation: applyOperation,
    input: { targets, inventory: asked, dryRun: true },
    principal,
    people: access.people,
    ports: {
      ports: () => Promise.resolve(bench.ports),
      incidentPorts: () => Promise.resolve(bench.incidents.ports),
    },
  })) as ApplyResult;
  if (answer.kind !== 'refused') throw new Error(`it was not refused: ${answer.kind}`);
  return answer.problems.map(({ text }) => text).join('\n');
}

describe('a refused apply', () => {
  test.each(Object.entries(cases))(
    '%s says what is wrong, and names nothing of a team that is not seen',
    async (_, asked) => {
      for (const file of asked.there) expect((await bench.apply(file, plain)).exit).toBe(0);
      const said = await toldTo(team, asked);
      expect(said).toContain(asked.says);
      expect(said).not.toMatch(foreign);
      const toAdmin = await toldTo(admin, asked);
      if (asked.names !== undefined) expect(toAdmin).toContain(asked.names);
      const here = await bench.apply(asked.asked, asked.targets ?? plain);
      const typed = here.stderr.replaceAll(/\s+/g, ' ');
      for (const line of toAdmin.split('\n')) expect(typed).toContain(line);
    },
  );

  test('has a case here for each rule that looks at entries of other teams', () => {
    expect([...looked].toSorted()).toEqual(Object.keys(cases).toSorted());
  });

  test('tells of a dependent that is not there and of one that may not be named in the same words', async () => {
    expect((await bench.apply(theirs(root), plain)).exit).toBe(0);
    const asked = (id: string): Promise<string> =>
      toldTo(team, { ...noCase, asked: own(one('bot', 'memory', 'search', `dependents: [in-memory/prod/${id}]`)) });
    expect(await asked('quagga-root')).toBe(await asked('nobody'));
  });

  test('names what a second grant lets its caller see', async () => {
    const both = [grantOf('team', { teams: ['search'] }), grantOf('viewer', { teams: ['quagga'] })];
    const seeing = await access.bearer(await access.token('both', both));
    const asked = cases['ownLocation'] ?? noCase;
    for (const file of asked.there) expect((await bench.apply(file, plain)).exit).toBe(0);
    expect(await toldTo(seeing, asked)).toContain('in-memory/prod/quagga');
  });
});

const noCase: Case = { there: [], asked: '', says: '' };
