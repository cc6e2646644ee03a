import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { search } from '../../scripts/leak-hunt/search.ts';
import { startScript } from '../../scripts/servers/child-process.ts';
import { poll } from '../../scripts/servers/poll.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { root } from '../../scripts/setup/places.mjs';

const [message, property, cause, variable] = Array.from({ length: 4 }, () => randomBytes(24).toString('base64url'));

/** What a library would do that throws where nobody catches, with what it sent in the error. */
const library = `process.on('SIGHUP', () => {
  const { MESSAGE, PROPERTY, CAUSE } = ${JSON.stringify({ MESSAGE: message, PROPERTY: property, CAUSE: cause })};
  const error = new TypeError('POST failed: ' + MESSAGE, { cause: new Error(CAUSE) });
  throw Object.assign(error, { config: { headers: { authorization: PROPERTY } }, token: PROPERTY });
})`;

it('a process that ends by an error nobody caught says where, and no value: neither printed nor in a report of Node', async () => {
  const home = temporaryFolder('last-words');
  const reports = temporaryFolder('last-words-reports');
  onTestFinished(() => [home, reports].forEach((folder) => folder.remove()));
  const throwing = join(home.path, 'library.mjs');
  writeFileSync(throwing, library);
  const program = await startScript({
    file: join(root, 'bin', 'keybaton.js'),
    args: ['api', '--listen', '127.0.0.1:0'],
    // All the reports that Node can be told to write.
    nodeArgs: [
      ...['--report-on-signal', '--report-uncaught-exception', '--report-on-fatalerror', '--report-exclude-env'],
      `--report-directory=${reports.path}`,
      ...['--import', throwing],
    ],
    env: { KEYBATON_HOME: home.path, SOMEBODYS_ADMIN_KEY: variable },
    cwd: home.path,
  });
  onTestFinished(async () => void (await program.kill()));
  await program.printed(/ready/);
  program.signal('SIGUSR2');
  await poll(() => readdirSync(reports.path).length > 0, { what: 'a report' });
  program.signal('SIGHUP');

  expect(await program.ended).toEqual({ code: 1, signal: null });
  const printed = program.output();
  expect(printed).toMatch(/TypeError/);
  expect(printed).toMatch(/at process\.<anonymous>/);
  const written = readdirSync(reports.path).map((file) => readFileSync(join(reports.path, file)));
  const place = { name: 'what a crash leaves', bytes: [Buffer.from(printed), ...written] };
  expect(search(place, [message, property, cause, variable].map(String))).toEqual([]);
  // The search is not blind there: the report of a signal has the arguments of the process.
  expect(search(place, [home.path.slice(-20)])).not.toEqual([]);
});
