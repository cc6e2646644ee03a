import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startScript } from '../../scripts/servers/child-process.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { root } from '../../scripts/setup/places.mjs';

const file = join(root, 'bin', 'keybaton.js');
const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));

/** Runs the command while Node says that it is of another version. */
async function onNode(pretended: string): Promise<{ code: number | null; output: string }> {
  const pretend = `Object.defineProperty(process,'versions',{value:{...process.versions,node:'${pretended}'}})`;
  const program = await startScript({
    file,
    args: ['--version'],
    nodeArgs: ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`],
  });
  const { code } = await program.ended;
  return { code, output: program.output() };
}

describe('bin/keybaton.js', () => {
  it.each(['18.20.4', '20.20.2', '22.17.9'])('refuses Node %s and says what to do', async (old) => {
    const { code, output } = await onNode(old);
    expect(code).toBe(1);
    expect(output).toContain(`keybaton needs Node 22.18 or newer, and this is Node ${old}`);
    expect(output).toContain('npm run setup');
  });

  it.each(['22.18.0', '24.0.0'])('runs on Node %s', async (recent) => {
    expect(await onNode(recent)).toEqual({ code: 0, output: `${version}\n` });
  });

  it('is JavaScript that Node 20 can read: it imports nothing before it has looked at the version', () => {
    const text = readFileSync(file, 'utf8');
    expect(text).not.toMatch(/^import /m);
    expect(text.indexOf('process.exit(1)')).toBeLessThan(text.indexOf('import('));
  });

  it('loads the whole product as Node itself resolves it, and answers without Temporal', async () => {
    const home = temporaryFolder('home');
    const program = await startScript({ file, args: ['list', '--json'], env: { KEYBATON_HOME: home.path } });
    const { code } = await program.ended;
    home.remove();
    expect({ code, output: program.output() }).toMatchObject({ code: 0 });
    expect(JSON.parse(program.output())).toMatchObject({ credentials: [] });
  });

  it('ends when `up` cannot start, with the reason', async () => {
    const home = temporaryFolder('home');
    const program = await startScript({
      file,
      args: ['up'],
      env: { KEYBATON_HOME: home.path, TEMPORAL_CLI: '/nowhere/temporal', TEMPORAL_ADDRESS: undefined },
    });
    const { code } = await program.ended;
    home.remove();
    expect({ code, output: program.output() }).toMatchObject({
      code: 2,
      output: expect.stringContaining('TEMPORAL_CLI'),
    });
  });

  it('ends with a message and not with a stack when a command is unknown', async () => {
    const program = await startScript({ file, args: ['no-such-command'] });
    expect((await program.ended).code).not.toBe(0);
    expect(program.output()).not.toMatch(/\n\s+at /);
  });
});
