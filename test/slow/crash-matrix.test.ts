import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startScript } from '../../scripts/servers/child-process.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';

interface Ran {
  readonly code: number | null;
  readonly printed: string;
  readonly told: Readonly<Record<string, unknown>>;
}

/** As a person runs it: `npm run crash-matrix`. */
async function crashMatrix(...args: readonly string[]): Promise<Ran> {
  const folder = temporaryFolder('crash-matrix-test');
  try {
    const program = await startScript({
      file: new URL('../../scripts/crash-matrix/crash-matrix.ts', import.meta.url),
      args,
      cwd: folder.path,
    });
    const { code } = await program.ended;
    const told = JSON.parse(readFileSync(join(folder.path, 'crash-matrix.json'), 'utf8')) as Ran['told'];
    return { code, printed: program.output(), told };
  } finally {
    folder.remove();
  }
}

describe('npm run crash-matrix', () => {
  it('keeps every promise in a sample, each of its processes killed', async () => {
    const { code, printed, told } = await crashMatrix('--sample', '8', '--seed', '4');
    expect(code, printed).toBe(0);
    expect(told).toMatchObject({ strays: 0, doubleLive: 0, lostDebts: 0, wrongKills: 0, deadCurrentMilliseconds: 0 });
    expect(told).toMatchObject({ passed: told['cells'], broken: [] });
    expect(told['cells']).toBeGreaterThan(4);
  }, 400_000);

  it('ends with exit code 1, and says how to play it again, when a key of ours is there that nobody knows', async () => {
    const cell = 'openai/scheduled/issue/after/worker';
    const { code, printed, told } = await crashMatrix('--cell', cell, '--sabotage', 'stray');
    expect(code, printed).toBe(1);
    expect(told).toMatchObject({ cells: 1, passed: 0, strays: 1, doubleLive: 1 });
    expect(printed).toContain(`again: npm run crash-matrix -- --seed 1 --cell ${cell}`);
  }, 400_000);
});
