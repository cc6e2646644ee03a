import { spawnSync } from 'node:child_process';

/** What `consumer/python` needs, as its pyproject.toml says. */
const needed = 'import sys; sys.exit(sys.version_info < (3, 9))';

/** Why Python programs of ours cannot run here; undefined when they can. */
export function missingPython(): string | undefined {
  const { error, status } = spawnSync('python3', ['-c', needed], { timeout: 20_000 });
  if (error !== undefined) return 'python3 is not here';
  return status === 0 ? undefined : 'python3 is older than 3.9 here';
}
