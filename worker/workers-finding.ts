import type { CheckFinding } from '../activities/check-finding.ts';
import { buildsAmong, describeBuilds, oneBuild } from './builds.ts';
import { unserved, type Poller } from './pollers.ts';

const subject = 'workers';

/** Does anybody serve every queue, and are all of one build? `version`: of this package. */
export function workersFindings(pollers: readonly Poller[], version: string): readonly CheckFinding[] {
  const lacking = unserved(pollers);
  const missing: CheckFinding = {
    subject,
    verdict: 'failure',
    text: `no worker polls ${lacking.join(', ')}: what is to run there waits, and nothing is lost`,
    remedy: 'start `keybaton worker` (or `keybaton up`) of this version, with the settings of this command',
  };
  return [
    ...(lacking.length === 0 ? [] : [missing]),
    ...(pollers.length === 0 ? [] : [buildFinding(pollers, version)]),
  ];
}

function buildFinding(pollers: readonly Poller[], version: string): CheckFinding {
  const builds = buildsAmong(pollers);
  if (builds.length > 1)
    return {
      subject,
      verdict: 'warning',
      text: `${builds.length} builds poll: ${describeBuilds(builds)}`,
      remedy: oneBuild,
    };
  const [only] = builds;
  const count = only?.workers.length ?? 0;
  const text = `${count} ${count === 1 ? 'worker' : 'workers'} of ${describeBuilds(builds)}`;
  if (only?.build?.split('/')[0] === version) return { subject, verdict: 'ok', text };
  return {
    subject,
    verdict: 'warning',
    text: `${text}, and this command is ${version}`,
    remedy: 'install the same version here and where the workers run',
  };
}
