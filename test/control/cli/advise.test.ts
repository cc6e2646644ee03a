import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AdviceCode } from '../../../control/operations/advise/advice.ts';
import { adviceCodes } from '../../../control/operations/advise/advice.ts';
import { parseCredentialId } from '../../../domain/identifiers.ts';
import { openBench } from '../bench.ts';
import type { Bench } from '../bench.ts';
import { apply, ask } from './advise-files.ts';
import type { Files, TargetLines } from './advise-files.ts';

let bench: Bench;

beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const bot = parseCredentialId('in-memory/prod/bot');
const other = parseCredentialId('in-memory/prod/other');
const chat = parseCredentialId('openai/prod/bot');
const web = 'consumers: [{ name: web }]';
const memory = { memory: {} };
const openai = (settings: string, more: TargetLines = {}) => ({ provider: 'openai', settings, ...more });
const narrow = 'scopes: [api.responses.write]';

interface Story {
  readonly code: AdviceCode;
  readonly subject: string;
  readonly files: Files;
  /** What happened before people ask. */
  readonly happened?: () => Promise<void>;
  readonly fact: RegExp;
  readonly fix: RegExp;
  /** What was done about it: other files, or something that happened. */
  readonly cure: { readonly files?: Partial<Files>; readonly happens?: () => Promise<unknown> };
}

async function rotated(id = bot, ...runs: readonly string[]): Promise<void> {
  for (const run of runs) {
    await bench.promote(id, run);
    await bench.end(id, run, 'rotated');
  }
}

const stories: readonly Story[] = [
  {
    code: 'no-key-needed',
    subject: chat,
    files: {
      entries: { [chat]: `target: ai, consumers: [{ name: web, reader: 'service-account:prod/web' }]` },
      targets: { ai: openai(`{ project: proj_a, ${narrow} }`) },
    },
    happened: () => rotated(chat, 'r1'),
    fact: /stored keys of openai .* is current since \d{4}-\d\d-\d\d \(ledger: epoch 1\); web is service-account:prod\/web already/,
    fix: /workload-identity-federation; then take openai\/prod\/bot out of the inventory, keybaton apply/,
    cure: { files: { entries: {} } },
  },
  {
    code: 'shared-key',
    subject: bot,
    files: {
      entries: { [bot]: 'target: memory, consumers: [{ name: web }, { name: night, kind: job }]' },
      targets: memory,
    },
    fact: /^2 consumers hold one key: web \(service\) and night \(job\) \(inventory\)$/,
    fix: /give night an entry of its own, such as in-memory\/prod\/night, at target memory/,
    cure: {
      files: {
        entries: {
          [bot]: `target: memory, ${web}`,
          'in-memory/prod/night': 'target: memory, consumers: [{ name: night }]',
        },
      },
    },
  },
  {
    code: 'one-value-twice',
    subject: `${bot} and ${other}`,
    files: { entries: { [bot]: `target: memory, ${web}`, [other]: `target: memory, ${web}` }, targets: memory },
    happened: async () => {
      for (const id of [bot, other]) {
        await bench.promote(id, `${id}-1`, { fingerprint: 'kb1:p:same' });
        await bench.end(id, `${id}-1`, 'rotated');
      }
    },
    fact: /^one value is current as \S+ in in-memory\/prod\/bot and current as \S+ in in-memory\/prod\/other \(fingerprints in the ledger\)$/,
    fix: /mode: ask .*keybaton rotate in-memory\/prod\/bot; keybaton rotate in-memory\/prod\/other;/,
    cure: {
      happens: async () => {
        await rotated(bot, 'b2');
        await rotated(other, 'o2');
      },
    },
  },
  {
    code: 'no-end',
    subject: chat,
    files: { entries: { [chat]: `target: ai, ${web}` }, targets: { ai: openai(`{ project: proj_a, ${narrow} }`) } },
    happened: () => rotated(chat, 'r1'),
    fact: /^version \S+, known since \d{4}-\d\d-\d\d, has no end \(ledger: epoch 1\), and openai can give it one$/,
    fix: /^keybaton rotate openai\/prod\/bot: the next version ends by itself, 181\.5 d after/,
    cure: { happens: () => bench.promote(chat, 'r2', { expiresAt: Date.now() + 200 * 86_400_000 }) },
  },
  {
    code: 'no-limit',
    subject: 'target router',
    files: {
      entries: { 'openrouter/prod/bot': `target: router, ${web}` },
      targets: { router: { provider: 'openrouter', settings: '{ limit: null }' } },
    },
    fact: /^limit is null: a key may spend all the money of its workspace \(targets.yml\)$/,
    fix: /^write limit: .* under settings of router in targets.yml, keybaton apply, .*keybaton rotate openrouter\/prod\/bot$/,
    cure: { files: { targets: { router: { provider: 'openrouter', settings: '{ limit: 20, reset: daily }' } } } },
  },
  {
    code: 'wide-scope',
    subject: 'target ai',
    files: { entries: { [chat]: `target: ai, ${web}` }, targets: { ai: openai('{ project: proj_a }') } },
    fact: /^scopes is empty: a key may do all that its service account may \(targets.yml\)$/,
    fix: /^write scopes: .* under settings of ai in targets.yml, keybaton apply,/,
    cure: { files: { targets: { ai: openai(`{ project: proj_a, ${narrow} }`) } } },
  },
  {
    code: 'place-in-two-environments',
    subject: 'targets ai and ai-dev',
    files: {
      entries: { [chat]: `target: ai, ${web}`, 'openai/dev/bot': `target: ai-dev, ${web}` },
      targets: { ai: openai('{ project: proj_a }'), 'ai-dev': openai('{ project: proj_a }', { environment: 'dev' }) },
    },
    fact: /^ai \(prod\) and ai-dev \(dev\) are one place: openai project proj_a \(targets.yml\)$/,
    fix: /name it under settings of ai-dev in targets.yml, keybaton apply, and keybaton rotate openai\/dev\/bot$/,
    cure: {
      files: {
        targets: { ai: openai('{ project: proj_a }'), 'ai-dev': openai('{ project: proj_b }', { environment: 'dev' }) },
      },
    },
  },
  {
    code: 'admin-in-two-environments',
    subject: 'targets memory and memory-dev',
    files: {
      entries: {},
      targets: { memory: { admin: 'env:ADMIN' }, 'memory-dev': { environment: 'dev', admin: 'env:ADMIN' } },
    },
    fact: /^memory \(prod\) and memory-dev \(dev\) use one admin credential: env:ADMIN \(targets.yml\)$/,
    fix: /name it as admin of memory-dev in targets.yml; then keybaton apply and keybaton doctor$/,
    cure: { files: { targets: { memory: { admin: 'env:ADMIN' }, 'memory-dev': { environment: 'dev' } } } },
  },
  {
    code: 'weak-proof',
    subject: bot,
    files: {
      entries: { [bot]: 'target: memory, mode: ask, consumers: [{ name: web, demand: acknowledged }]' },
      targets: memory,
    },
    fact: /^web must show acknowledged alone \(inventory\): that somebody says so$/,
    fix: /say demand: possession for it in in-memory\/prod\/bot, and keybaton apply$/,
    cure: {
      files: { entries: { [bot]: 'target: memory, mode: ask, consumers: [{ name: web, demand: possession }]' } },
    },
  },
  {
    code: 'nobody-proves',
    subject: bot,
    files: { entries: { [bot]: 'target: memory, consumers: { none: kept for the auditors }' }, targets: memory },
    fact: /^the entry says that there are no consumers: "kept for the auditors" \(inventory\)$/,
    fix: /list who uses it under consumers of in-memory\/prod\/bot and keybaton apply/,
    cure: { files: { entries: { [bot]: `target: memory, ${web}` } } },
  },
  {
    code: 'silence-not-asked',
    subject: chat,
    files: {
      entries: { [chat]: `target: ai, ${web}, silence: { no: it is never silent } ` },
      targets: { ai: openai('{ project: proj_a }') },
    },
    fact: /not asked for: "it is never silent" \(inventory\), and openai shows its last use by timestamp, at most 5 min late$/,
    fix: /^say silence: 6h in openai\/prod\/bot/,
    cure: { files: { entries: { [chat]: `target: ai, ${web}, silence: 6h` } } },
  },
  {
    code: 'never-proved',
    subject: bot,
    files: { entries: { [bot]: `target: memory, ${web}` }, targets: memory },
    happened: () => rotated(bot, 'r1', 'r2', 'r3'),
    fact: /^web owed possession in 2 rotations and never proved: epochs 1 and 2 \(ledger\)$/,
    fix: /keybaton token make in-memory\/prod\/bot web/,
    cure: {
      happens: () =>
        bench.ledger.prove({ credential: bot, epoch: 3, consumer: 'web', kind: 'rolled-out', actor: 'consumer:web' }),
    },
  },
];

describe('each advice', () => {
  test.each(stories.map((story) => [story.code, story] as const))(
    '%s stands with its fact and its fix, and is gone when it is cured',
    async (code, { subject, files, happened, fact, fix, cure }) => {
      await apply(bench, files);
      await happened?.();
      const shown = await ask(bench);
      const found = shown.answer.advice.filter((one) => one.code === code);
      expect(found).toEqual([
        {
          code,
          ...adviceCodes[code],
          subject,
          credentials: expect.any(Array),
          fact: expect.any(String),
          fix: expect.any(String),
        },
      ]);
      expect([found[0]?.fact, found[0]?.fix]).toEqual([expect.stringMatching(fact), expect.stringMatching(fix)]);
      expect(shown.exit).toBe(code === 'one-value-twice' ? 8 : 0);
      const plain = shown.text.replace(/\s+/g, ' ');
      expect(plain).toContain(`${subject}: ${found[0]?.fact} [${code}]: ${adviceCodes[code].why} -> ${found[0]?.fix}`);
      if (cure.files !== undefined) await apply(bench, { ...files, ...cure.files });
      await cure.happens?.();
      const after = await ask(bench);
      expect(after.answer.advice.filter((one) => one.code === code)).toEqual([]);
      expect(after.text).not.toContain(`[${code}]`);
      expect(after.exit).toBe(0);
    },
  );

  test('but unknown-target has a story here', () => {
    expect(Object.keys(adviceCodes).filter((code) => !stories.some((story) => story.code === code))).toEqual([
      'unknown-target',
    ]);
  });

  test('unknown-target: without its adapter what cannot be told is said, with exit code 10', async () => {
    await bench.apply();
    const openPorts = () =>
      Promise.resolve({ ...bench.ports, adapters: { targetSchemas: {}, backendSchemas: {}, traits: () => undefined } });
    const without = await bench.run(['advise'], { openPorts });
    expect([without.exit, without.stdout]).toEqual([10, expect.stringContaining('[unknown-target]')]);
    expect(without.stdout).toContain('cannot tell');
    expect(await ask(bench)).toMatchObject({ exit: 0, text: 'nothing to advise; 1 credential looked at\n' });
  });
});
