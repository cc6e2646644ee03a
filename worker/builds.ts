import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { packageVersion } from '../control/cli/version.ts';
import type { Poller } from './pollers.ts';
import type { WorkflowBundle } from './workflow-bundle.ts';

/** What tells two workers apart: the package's version and the workflow code it runs, which a checkout changes alone. */
export async function buildOf({ codePath }: WorkflowBundle): Promise<string> {
  const code = createHash('sha256').update(await readFile(codePath));
  return `${packageVersion()}/${code.digest('hex').slice(0, 12)}`;
}

/** How a worker of this build calls itself to Temporal, where every other process can read it. */
export const identityOf = (build: string): string => `keybaton/${build}@${hostname()}:${process.pid}`;

export interface PollingBuild {
  /** Undefined for a worker that does not say: older than builds have names, or none of ours. */
  readonly build: string | undefined;
  /** The workers of this build, as they call themselves. */
  readonly workers: readonly string[];
}

/** Who polls, by build. */
export function buildsAmong(pollers: readonly Poller[]): readonly PollingBuild[] {
  const workers = Map.groupBy(new Set(pollers.map(({ identity }) => identity)), named);
  return [...workers].map(([build, identities]) => ({ build, workers: identities.toSorted() }));
}

const named = (identity: string): string | undefined => /^keybaton\/([^@]+)@/.exec(identity)?.[1];

export function describeBuilds(builds: readonly PollingBuild[]): string {
  return builds
    .map(({ build, workers }) => `${build ?? 'a build that does not say which'} (${workers.join(', ')})`)
    .join('; ');
}

/** What a person can do while workers of several builds poll. */
export const oneBuild =
  'run one build everywhere: start the newer workers, then stop the older ones; until then a rotation may wait until a worker that knows its steps takes it, and nothing is lost';
