import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { apply } from '../../../control/operations/apply.ts';
import type { ApplyResult } from '../../../control/operations/apply.ts';
import { KeybatonError } from '../../../domain/errors.ts';
import { parseCredentialId } from '../../../domain/identifiers.ts';
import { oneEntry, oneTarget, openBench } from '../bench.ts';
import type { Bench } from '../bench.ts';

const bot = parseCredentialId('in-memory/prod/bot');
let bench: Bench;

beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const run = (inventory = oneEntry, targets = oneTarget, dryRun = false): Promise<ApplyResult> =>
  apply(bench.ports, { inventory, targets, actor: 'os:ada', dryRun });
const problemsOf = (result: ApplyResult): string =>
  result.kind === 'refused' ? result.problems.map(({ text }) => text).join('\n') : '';

describe('apply', () => {
  test('adds entries, and a second time changes nothing', async () => {
    expect(await run()).toMatchObject({
      kind: 'applied',
      applied: { added: [bot] },
      differences: [{ id: bot, kind: 'added' }],
    });
    expect(await run()).toMatchObject({ kind: 'applied', applied: { added: [], changed: [] }, differences: [] });
  });

  test('shows what would change, and changes nothing, in a dry run', async () => {
    await run();
    const result = await run(oneEntry.replace('- name: web', '- name: web\n        deadline: 2h'), oneTarget, true);
    expect(result).toMatchObject({
      kind: 'would apply',
      differences: [
        {
          id: bot,
          kind: 'changed',
          changes: [{ path: 'consumers[0].deadline', before: 86_400_000, after: 7_200_000 }],
        },
      ],
    });
    expect((await bench.ledger.facts(bot)).entry.consumers).toEqual([
      expect.objectContaining({ deadline: 86_400_000 }),
    ]);
  });

  test('tells a rename from a removal', async () => {
    await run();
    const renamed = oneEntry.replace('in-memory/prod/bot:', 'in-memory/prod/robot:\n    movedFrom: in-memory/prod/bot');
    expect(await run(renamed)).toMatchObject({
      kind: 'applied',
      applied: { renamed: [{ from: bot, to: 'in-memory/prod/robot' }], added: [], retired: [] },
      differences: [{ kind: 'renamed', from: bot }],
    });
  });

  test('retires what is gone from the file of its team, and nothing of another team', async () => {
    await run();
    const support = oneEntry.replaceAll('search', 'support').replace('prod/bot', 'prod/desk');
    const shared = oneTarget.replace('[search]', '[search, support]');
    expect(await run(support, shared)).toMatchObject({ applied: { added: ['in-memory/prod/desk'], retired: [] } });
    expect(await run('teams: [search]\ncredentials: {}\n', shared)).toMatchObject({ applied: { retired: [bot] } });
    expect((await bench.ledger.inventory()).entries.map(({ id }) => id)).toContain('in-memory/prod/desk');
  });

  test('refuses an id that another team has', async () => {
    await run();
    const result = await run(
      oneEntry.replaceAll('search', 'support'),
      oneTarget.replace('[search]', '[search, support]'),
    );
    expect(problemsOf(result)).toContain('this id belongs to team search');
  });

  test('refuses a targets file that has lost what an entry of another team names', async () => {
    await run();
    const other = oneTarget.replace('memory:', 'other:').replaceAll('search', 'support').replace('vault:', 'chest:');
    const result = await run(
      oneEntry
        .replaceAll('search', 'support')
        .replace('prod/bot', 'prod/desk')
        .replace('target: memory', 'target: other'),
      other,
    );
    expect(problemsOf(result)).toContain(`target memory is missing: ${bot} names it`);
    expect(problemsOf(result)).toContain(`backend vault is missing: ${bot} names it`);
  });

  test('refuses to take away a target that a living version needs to be killed', async () => {
    await run();
    await bench.promote(bot);
    const moved = oneTarget.replace('memory:', 'other:');
    const result = await run(oneEntry.replace('target: memory', 'target: other'), moved);
    expect(problemsOf(result)).toContain(
      `target memory is gone, and 1 version(s) not proved dead need it to be killed, the first of ${bot}`,
    );
  });

  test('takes another admin credential, since the old versions can be killed with it too', async () => {
    await run();
    await bench.promote(bot);
    expect((await run(oneEntry, oneTarget.replace('env:ADMIN', 'env:OTHER'))).kind).toBe('applied');
  });

  test('refuses to make another provider of a target that a living version needs', async () => {
    await run();
    await bench.promote(bot);
    const result = await run(oneEntry, oneTarget.replace('provider: in-memory', 'provider: in-memory-generated'));
    expect(problemsOf(result)).toContain('target memory has another provider or environment');
  });

  test('refuses a demand that target or consumer cannot show, with what to do', async () => {
    bench.findings.demands.push({
      subject: bot,
      verdict: 'failure',
      text: 'rolled-out cannot be shown here',
      remedy: 'demand possession',
    });
    const result = await run();
    expect(result).toMatchObject({
      kind: 'refused',
      problems: [{ path: ['credentials', bot], line: 4, text: 'rolled-out cannot be shown here: demand possession' }],
    });
    expect((await bench.ledger.inventory()).entries).toEqual([]);
  });

  test('changes nothing when one of many entries is wrong', async () => {
    const result = await run(`${oneEntry}  in-memory/prod/two: { target: nowhere, team: search, consumers: [] }\n`);
    expect(result.kind).toBe('refused');
    expect((await bench.ledger.inventory()).entries).toEqual([]);
  });
});

describe('while a rotation runs', () => {
  test('an entry that is deleted is retired, its versions stay, and the rotation is woken', async () => {
    await run();
    const version = await bench.promote(bot);
    expect(await run('teams: [search]\ncredentials: {}\n')).toMatchObject({
      kind: 'applied',
      applied: { retired: [bot] },
      running: [bot],
    });
    const facts = await bench.ledger.facts(bot);
    expect([facts.status, facts.versions.map(({ id }) => id), facts.openRun === undefined]).toEqual([
      'retiring',
      [version],
      false,
    ]);
    expect(bench.rotations.woken).toEqual([bot]);
  });

  test('a consumer that is added is demanded in the open epoch, and the rotation is woken', async () => {
    await run();
    await bench.promote(bot, 'r1');
    await bench.end(bot, 'r1', 'rotated');
    await bench.promote(bot, 'r2');
    expect((await bench.ledger.evidence(bot)).demands.map(({ consumer }) => consumer)).toEqual(['web']);
    expect(await run(`${oneEntry}      - name: batch\n`)).toMatchObject({ kind: 'applied', running: [bot] });
    expect((await bench.ledger.evidence(bot)).demands.map(({ consumer }) => consumer)).toEqual(['batch', 'web']);
    expect(bench.rotations.woken).toEqual([bot]);
  });

  test('a consumer that is removed stays demanded in the open epoch', async () => {
    await run(`${oneEntry}      - name: batch\n`);
    await bench.promote(bot);
    await run();
    expect((await bench.ledger.evidence(bot)).demands.map(({ consumer }) => consumer)).toEqual(['batch', 'web']);
  });

  test('and Temporal does not answer, the change is applied, and who was not woken is said', async () => {
    await run();
    await bench.promote(bot);
    bench.rotations.down = new KeybatonError('UNAVAILABLE', 'Temporal at 127.0.0.1:7233 does not answer');
    expect(await run(`${oneEntry}      - name: batch\n`)).toMatchObject({
      kind: 'applied',
      applied: { changed: [bot] },
      warnings: [`${bot} was not woken: Temporal at 127.0.0.1:7233 does not answer`],
    });
  });
});
