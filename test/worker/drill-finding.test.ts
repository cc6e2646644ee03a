import { describe, expect, it } from 'vitest';
import type { DrillKept, DrillMeasures } from '../../domain/drill.ts';
import { parseCredentialId, parseVersionId } from '../../domain/identifiers.ts';
import { drillFinding } from '../../worker/drill-finding.ts';

const day = 86_400_000;
const now = 1_800_000_000_000;
const last = (ago: number, changes: Partial<DrillMeasures> = {}): DrillKept => ({
  at: now - ago,
  credential: parseCredentialId('openai/prod/bot'),
  version: parseVersionId(`kb${'a'.repeat(30)}`),
  incident: 'i1',
  measures: {
    ...{ toContained: 900, toDead: 3_200, toLastUse: 400, verdict: 'passed', because: [] },
    uses: { tried: 9, unanswered: 0, beforeDeclared: 2, afterDeclared: 1, afterDead: 0, answeredAfterDead: 4 },
    ...changes,
  },
});
const found = (kept: DrillKept | undefined) =>
  drillFinding({ tier: 'critical', every: 30 * day, last: kept, now, target: 'openai-prod' });

describe('what doctor says of drills', () => {
  it('is a warning where none was ever run, with how to run one', () => {
    expect(found(undefined)).toMatchObject({ subject: 'drill of tier critical', verdict: 'warning' });
    expect(found(undefined).remedy).toContain('keybaton drill --target openai-prod');
  });

  it('is a warning when the last one is older than the tier allows', () => {
    expect(found(last(30 * day))).toMatchObject({ verdict: 'ok' });
    expect(found(last(31 * day))).toMatchObject({ verdict: 'warning', text: expect.stringContaining('31 d ago') });
  });

  it('is a warning when the last one failed, however new, with why and which incident', () => {
    const failed = found(last(day, { verdict: 'failed', because: ['the key was not proved dead'] }));
    expect(failed).toMatchObject({ verdict: 'warning', text: expect.stringContaining('not proved dead') });
    expect(failed.remedy).toContain('incident show i1');
  });

  it('tells how fast the last key died', () => {
    expect(found(last(2 * day)).text).toContain('proved dead in 3.2 s');
  });
});
