import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { LeakHunt } from '../../scripts/leak-hunt/leak-hunt.ts';
import { startScript } from '../../scripts/servers/child-process.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';

it('npm run leak-hunt finds what a bug would have written, every control, and nothing else', async () => {
  const folder = temporaryFolder('leak-hunt-test');
  try {
    const program = await startScript({
      file: new URL('../../scripts/leak-hunt/leak-hunt.ts', import.meta.url),
      args: ['--cells', '6', '--plant'],
      cwd: folder.path,
    });
    const { code } = await program.ended;
    const printed = program.output();
    expect(code, printed).toBe(1);
    const told = JSON.parse(readFileSync(join(folder.path, 'leak-hunt.json'), 'utf8')) as LeakHunt;
    expect(told.blind).toEqual([]);
    expect(told.controlsFound).toBe(told.controlsPlanted);
    expect(told.values).toBeGreaterThan(10);
    expect(told.hits.length).toBeGreaterThan(0);
    expect(new Set(told.hits.map((hit) => hit.split(', in ').at(-1)))).toEqual(new Set(['logs/worker.log']));
    expect(told.hits.filter((hit) => hit.includes('as it is'))).toHaveLength(1);
  } finally {
    folder.remove();
  }
}, 600_000);
