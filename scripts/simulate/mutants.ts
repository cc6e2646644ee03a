/** Faults put into the code on purpose, at every place that would stand in for another: the simulation must notice each. */
export interface Mutant {
  readonly name: string;
  readonly edits: readonly Edit[];
}

/** Played at most, of each mutant: it is to be noticed within them. */
export const seedsOfMutants = 2_000;

/** `find` is exactly one place of the file. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export const mutants: readonly Mutant[] = [
  {
    name: 'skip the wait for proof',
    edits: [
      {
        file: 'domain/gate.ts',
        find: '  const { released = [] } = facts;\n',
        replace: '  if (facts.epoch > 0) return [];\n  const { released = [] } = facts;\n',
      },
    ],
  },
  {
    name: 'revoke before promoting',
    edits: [
      {
        file: 'activities/revoke-until-dead.ts',
        find: 'const strict = leaked ||',
        replace: 'const strict = version.everCurrent || leaked ||',
      },
      {
        file: 'ledger/authorise-rules.ts',
        find: 'if (version.compromised === 1 || version.ever_current === 0) return;',
        replace: 'if (version.ordinal >= 0) return;',
      },
      {
        file: 'workflows/rotate-credential.ts',
        find: 'if (plan.killFirst.length > 0) await killFirst(plan);',
        replace: 'if (plan.doomed.length > 0) await killFirst(plan);',
      },
      {
        file: 'workflows/rotate-credential.ts',
        find: 'of plan.killFirst) await',
        replace: 'of plan.doomed.map((one) => one.version)) await',
      },
    ],
  },
  {
    name: 'drop a debt',
    edits: [
      {
        file: 'domain/plan.ts',
        find: '    return !version.debtMoved;\n',
        replace: '    return !version.everCurrent;\n',
      },
    ],
  },
  {
    name: 'trust the loss of a lease',
    edits: [
      {
        file: 'domain/gate.ts',
        find: 'one.consumer === consumer && !one.left && !waived',
        replace: 'one.consumer === consumer && !one.left && one.leaseUntil >= now && !waived',
      },
    ],
  },
  {
    name: 'ignore the epoch of a write',
    edits: [
      {
        file: 'backends/main-place.ts',
        find: 'mark.epoch > promotion.epoch) {',
        replace: 'mark.epoch > promotion.epoch + 1e6) {',
      },
    ],
  },
  {
    name: 'ignore the epoch of a proof',
    edits: [
      {
        file: 'ledger/evidence-facts.ts',
        find: `.selectFrom('evidence')
    .selectAll()
    .where('credential', '=', credential)
    .where('epoch', '=', epoch)`,
        replace: `.selectFrom('evidence')
    .selectAll()
    .where('credential', '=', credential)`,
      },
    ],
  },
  {
    name: 'compare no mark',
    edits: [
      {
        file: 'providers/in-memory/marks.ts',
        find: 'return tenant.tag === ref.mark && tenant.revokedAt',
        replace: 'return tenant.revokedAt',
      },
    ],
  },
  {
    name: 'forget a late create',
    edits: [
      {
        file: 'activities/revoke-until-dead.ts',
        find: 'if (late > 0) return wait(',
        replace: 'if (late > 1e12) return wait(',
      },
    ],
  },
  {
    name: 'want what leaked',
    edits: [{ file: 'domain/plan.ts', find: '    !isCompromised(version) &&\n', replace: '' }],
  },
  {
    name: 'erase nothing',
    edits: [
      {
        file: 'backends/in-memory.ts',
        find: '        shelf.staged.delete(version);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'write over what somebody wrote',
    edits: [
      {
        file: 'activities/promote-and-notify.ts',
        find: "  if (main.kind === 'foreign') return holdForeign();\n",
        replace: '',
      },
      {
        file: 'backends/main-place.ts',
        find: '(promotion.overwriteForeign ?? false) === false) {',
        replace: 'promotion.epoch < 0) {',
      },
    ],
  },
  {
    name: 'carry nothing over',
    edits: [
      {
        file: 'backends/main-place.ts',
        find: '    ...Object.fromEntries(carried),\n',
        replace: '    ...Object.fromEntries(carried.slice(0, 0)),\n',
      },
    ],
  },
  {
    // Where only `emergency --direct` passes.
    name: 'call dead what was only revoked',
    edits: [
      {
        file: 'worker/direct-lane.ts',
        find: '  return [...(news ? facts : []), ...(trouble',
        replace:
          "  if (news) facts.push({ kind: 'dead', credential, version, at, grade: 'refused' });\n  return [...(news ? facts : []), ...(trouble",
      },
    ],
  },
  {
    name: 'retire under those who read it',
    edits: [
      {
        file: 'activities/gate.ts',
        find: 'retiring ? leftMiss(evidence)',
        replace: 'retiring ? leftMiss({ ...evidence, instances: [] })',
      },
      {
        file: 'ledger/authorise-rules.ts',
        find: 'const misses = present.map((one) =>',
        replace: 'const misses = present.slice(0, 0).map((one) =>',
      },
    ],
  },
  {
    // What was mended once: a rotation that people stopped let both keys reach the end that their provider sets.
    name: 'let what is stopped end',
    edits: [
      {
        file: 'activities/keep-from-expiring.ts',
        find: '  const { againIn } = await keepFromExpiring(ports, facts, signal);\n  return wait(why, Math.min(hour, againIn), step);\n',
        replace: '  return wait(why, hour, step);\n',
      },
    ],
  },
  {
    // It asks for ever for the use of what is gone.
    name: 'wait for what ended',
    edits: [
      {
        file: 'activities/gate.ts',
        find: '  if (await endedByProvider(ports, provider, facts, version, signal)) return undefined;\n',
        replace: '',
      },
    ],
  },
  {
    name: 'keep nothing while it is paused',
    edits: [
      {
        file: 'domain/sweep.ts',
        find: '(endsSoon(one, now) ? undefined : stoppedBy(one))',
        replace: 'stoppedBy(one)',
      },
    ],
  },
];
