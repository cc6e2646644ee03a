#!/usr/bin/env node
// The command `keybaton`. Plain JavaScript that an old Node can read, because it is what tells people that their Node is too old:
// a native module would end an older one without a word.

const needed = [22, 18];
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < needed[0] || (major === needed[0] && minor < needed[1])) {
  console.error(
    `keybaton needs Node ${needed.join('.')} or newer, and this is Node ${process.versions.node} (${process.execPath}).\n` +
      'Install Node 24 (https://nodejs.org), or in a checkout run "npm run setup" and put node_modules/.bin first in PATH.',
  );
  process.exit(1);
}

const { existsSync } = await import('node:fs');
const { userInfo } = await import('node:os');

// A checkout runs its TypeScript; the package, where Node refuses to strip types, runs what was compiled from it.
const isCheckout = existsSync(new URL('../control/cli/main.ts', import.meta.url));

function load(path) {
  return import(new URL(isCheckout ? `../${path}.ts` : `../dist/${path}.js`, import.meta.url).href);
}

function userName() {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid()}`; // a container may run as a user that no file names
  }
}

// `control` may not import `worker`: it gets the composition root from here, and only a command that needs it loads it.
const composition = () => load('worker/composition');

function run(name) {
  return async ({ overrides, ...options }) =>
    (await composition())[name]({ environment: { ...process.env, ...overrides }, ...options });
}

/** What a program of a consumer gets of our own environment. */
function withoutToken() {
  const environment = { ...process.env };
  delete environment.KEYBATON_TOKEN;
  return environment;
}

(await load('worker/last-words')).keepLastWords(process);

const { runCli } = await load('control/cli/main');

process.exitCode = await runCli(process.argv.slice(2), {
  openPorts: async () => (await composition()).openPorts(process.env),
  openIncidentPorts: async () => (await load('worker/open-incident-ports')).openIncidentPorts(process.env),
  openAccess: async () => (await load('worker/people')).openAccessFolder(process.env),
  discovery: async () => (await load('worker/discovery')).openDiscovery(process.env),
  providerTesting: async () => (await load('worker/provider-test')).providerTesting,
  exec: async (program) => (await load('consumer/exec/exec')).exec({ ...program, environment: withoutToken() }),
  wiring: async ({ mounted, field, ...ask }) => {
    const source = mounted && (await load('consumer/sources/mounted')).mounted({ path: mounted });
    return (await load('consumer/check')).checkWiring({ ...ask, source, proofValue: field });
  },
  variable: (name) => process.env[name],
  processes: { worker: run('worker'), api: run('api'), up: run('up') },
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  user: userName(),
});

/** A pipe takes 64 kB; the rest is written as fast as somebody reads it. A reader that has gone wants nothing more. */
function written(stream) {
  return new Promise((resolve) => {
    stream.once('error', resolve).once('close', resolve);
    if (stream.destroyed) resolve();
    else stream.write('', () => resolve());
  });
}

const printed = Promise.all([written(process.stdout), written(process.stderr)]);
// What serves stops in time, also where nobody reads its log any more.
const serves = ['worker', 'api', 'up'].includes(process.argv[2]);
await (serves ? Promise.race([printed, new Promise((resolve) => setTimeout(resolve, 2_000))]) : printed);
// A start that failed half-way may leave a native runtime or a socket behind that would keep the process up for ever.
process.exit();
