import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sample } from '../../scripts/simulate/sample.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { root } from '../../scripts/setup/places.mjs';

/** In a process of its own, as a person runs it: `npm run simulate`. */
function simulate(...args: readonly string[]): { readonly status: number | null; readonly printed: string } {
  const folder = temporaryFolder('simulate');
  try {
    const done = spawnSync(process.execPath, [join(root, 'scripts/simulate/simulate.ts'), ...args], {
      cwd: folder.path,
      encoding: 'utf8',
      timeout: 500_000,
      maxBuffer: 1e8,
    });
    return { status: done.status, printed: `${done.stdout}${done.stderr}` };
  } finally {
    folder.remove();
  }
}

describe('the simulation', () => {
  it('breaks no promise in a sample of seeds', () => {
    const { status, printed } = simulate('--seeds', String(sample.seeds), '--from', String(sample.from));
    expect(status, printed).toBe(0);
    expect(printed).toMatch(/^\d+ seeds, \d+ simulated days, \d+ promotions, \d+ incidents, .*: 0 broke a promise$/m);
    expect(printed).toContain(`${sample.seeds} seeds, `);
  }, 510_000);

  it('tells the same story for the same seed', () => {
    const [one, other] = [simulate('--seed', '37'), simulate('--seed', '37')];
    expect(one.status).toBe(0);
    expect(one.printed).toBe(other.printed);
    expect(one.printed).toMatch(/MISCHIEF/);
  }, 120_000);
});
