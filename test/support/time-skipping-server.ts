import { execFileSync } from 'node:child_process';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { endWithUs, forgetProcess } from '../../scripts/servers/guard.ts';
import { toolPath } from '../../scripts/servers/tools.ts';

export interface TimeSkippingServer {
  readonly environment: TestWorkflowEnvironment;
  readonly pid: number;
  readonly stop: () => Promise<void>;
}

function ownProcesses(executable: string): number[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' });
  return table.split('\n').flatMap((line) => {
    const [pid, parent, command] = line.trim().split(/\s+/);
    return Number(parent) === process.pid && command === executable ? [Number(pid)] : [];
  });
}

/**
 * Temporal's test server, whose clock jumps while nothing but timers is left. The namespace is `default`.
 * The clock belongs to the server: one server per test file, one workflow at a time. It knows no schedules, `list` or `count`.
 */
export async function startTimeSkippingServer(): Promise<TimeSkippingServer> {
  const path = toolPath('temporal-test-server');
  const before = ownProcesses(path);
  // Only an environment that started its server itself can skip time, so this one cannot be started by us.
  const environment = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path } },
  });
  const pid = ownProcesses(path).find((candidate) => !before.includes(candidate));
  if (pid === undefined) throw new Error('the time-skipping server is not among our processes');
  endWithUs(pid);
  return {
    environment,
    pid,
    async stop() {
      await environment.teardown();
      forgetProcess(pid);
    },
  };
}
