import { describe, expect, test } from 'vitest';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { incidentMarkdown } from '../../domain/incident-markdown.ts';
import { incidentReport, type ReportInput, type ReportKey } from '../../domain/incident-report.ts';
import { versionId } from './facts.ts';

const bot = parseCredentialId('openai/prod/support-bot');
const search = parseCredentialId('postgres/prod/embeddings');
const declaredAt = Date.UTC(2026, 10, 22, 3, 0, 0);
const after = (seconds: number): number => declaredAt + seconds * 1_000;

const key = (letter: string, change: Partial<ReportKey> = {}): ReportKey => ({
  credential: bot,
  version: versionId(letter),
  keyIds: [`key_${letter}`],
  madeAt: Date.UTC(2026, 8, 1),
  containedAt: after(4),
  dead: { at: after(21), grade: 'refused' },
  onlyByHand: false,
  ...change,
});

const clean: ReportInput = {
  incident: 'i20261122-4f9k2m7c',
  declaredAt,
  who: 'ada',
  why: 'pushed to a public repository',
  scope: `credential ${bot}`,
  drill: false,
  closed: { at: after(240), by: 'incident' },
  at: after(230),
  clock: 900_000,
  reached: {
    declared: declaredAt,
    contained: after(4),
    dead: after(21),
    replaced: after(40),
    confirmed: after(160),
    scoped: after(220),
    reported: after(230),
  },
  keys: [key('a')],
  credentials: [
    {
      credential: bot,
      team: 'support',
      replacedBy: versionId('n'),
      consumers: [
        { consumer: 'api', demand: 'possession', shown: { kind: 'possession', at: after(158), instances: 3 } },
      ],
      missing: [],
    },
  ],
  events: [
    { at: after(21), what: 'every key proved dead', who: 'incident' },
    { at: declaredAt, what: 'declared', who: 'ada' },
    { at: after(4), what: 'every key contained', who: 'incident' },
    { at: after(240), what: 'closed', who: 'incident' },
  ],
  findings: [
    {
      credential: bot,
      version: versionId('a'),
      source: 'backend:vault',
      verdict: 'read',
      text: '2 readings in the audit file, and 5 by keybaton itself',
      seen: [
        { at: after(-7_200), who: 'approle, role web', from: '10.0.0.7' },
        { at: after(-60), who: 'approle, role batch', from: '203.0.113.9' },
      ],
    },
    {
      credential: bot,
      version: versionId('a'),
      source: 'target:openai-prod',
      verdict: 'cannot tell',
      text: 'the provider tells nothing of it any more (NOT_FOUND); no use was seen while it was watched, for it never was',
      seen: [],
    },
  ],
  checkpoint: { n: 4_711, hash: 'c0ffee'.repeat(10).slice(0, 64), broken: 0 },
};

const messy: ReportInput = {
  ...clean,
  scope: 'team support',
  why: 'key seen | in chat <script>alert(1)</script>\n## not a heading',
  closed: undefined,
  at: after(1_000),
  reached: { declared: declaredAt, contained: after(300) },
  keys: [
    key('a'),
    key('b', { dead: undefined }),
    key('c', {
      credential: search,
      keyIds: [],
      containedAt: undefined,
      dead: undefined,
      onlyByHand: true,
      madeAt: undefined,
    }),
    key('d', { dead: { at: after(30), grade: 'absent' } }),
  ],
  credentials: [
    {
      credential: bot,
      team: 'support',
      replacedBy: versionId('n'),
      consumers: [{ consumer: 'api', demand: 'possession', shown: undefined }],
      missing: ['api/web-0: not proved (possession)'],
    },
    {
      credential: search,
      team: 'search',
      replacedBy: undefined,
      consumers: [],
      missing: ['a new version must be supplied: keybaton supply'],
    },
  ],
  findings: clean.findings.slice(0, 1),
  checkpoint: undefined,
};

describe('the report of an incident', () => {
  test.each([
    ['clean', clean],
    ['messy', messy],
    ['drill', { ...clean, drill: true, scope: `credential ${bot}`, findings: [] }],
  ])('reads as in goldens/incident-%s.md', async (name, input) => {
    await expect(incidentMarkdown(incidentReport(input))).toMatchFileSnapshot(`goldens/incident-${name}.md`);
  });

  test('measures every interval against its share of the clock, also one that is not over', () => {
    expect(incidentReport(messy).intervals).toMatchObject([
      { moment: 'contained', plannedSeconds: 120, tookSeconds: 300, late: true },
      { moment: 'dead', plannedSeconds: 300, tookSeconds: null, late: true },
      { moment: 'replaced', plannedSeconds: 480, tookSeconds: null, late: true },
      { moment: 'confirmed', plannedSeconds: 720, tookSeconds: null, late: true },
      { moment: 'scoped', plannedSeconds: 840, tookSeconds: null, late: true },
      { moment: 'reported', plannedSeconds: 900, tookSeconds: null, late: true },
    ]);
    expect(incidentReport({ ...messy, at: after(200) }).intervals.filter(({ late }) => late)).toHaveLength(1);
    expect(incidentReport(clean).intervals.some(({ late }) => late)).toBe(false);
  });

  test('says of death by absence what it is worth, and leaves it to be done', () => {
    const { keys, followUps } = incidentReport(messy);
    expect([keys.refused, keys.absent]).toEqual([1, 1]);
    expect(followUps.map(({ what }) => what).join('\n')).toContain('nobody saw the value refused');
  });

  test('never hides what nobody can tell: a key that was not looked up is counted and left to be done', () => {
    const report = incidentReport({ ...clean, findings: [] });
    expect(report.scope.notLookedUp).toBe(1);
    expect(report.followUps.map(({ what }) => what)).toContainEqual(expect.stringContaining('1 key is not looked up'));
  });

  test('puts the by-hand command of a key that lives before everything else', () => {
    expect(incidentReport(messy).followUps[0]).toMatchObject({
      command: `keybaton show ${search} --by-hand`,
      team: 'search',
    });
  });

  test('of thousands of keys names some and counts all', () => {
    const many = Array.from({ length: 5_000 }, (_, n) =>
      key('a', { credential: parseCredentialId(`openai/prod/app-${n}`), containedAt: undefined, dead: undefined }),
    );
    const report = incidentReport({ ...messy, keys: many });
    expect(report.keys).toMatchObject({ all: 5_000, contained: 0 });
    expect(report.keys.notDead).toHaveLength(500);
    expect(report.followUps.length).toBeLessThan(100);
  });

  test('is plain JSON: nothing is lost on the way to a file and back', () => {
    for (const input of [clean, messy]) {
      const report = incidentReport(input);
      expect(incidentMarkdown(JSON.parse(JSON.stringify(report)))).toBe(incidentMarkdown(report));
    }
  });
});
