// Everything a fresh clone needs, as root or as an ordinary user, on Node 20 or newer. Says what it does; says nothing when all is there.
// With --servers also Redis, RabbitMQ, MariaDB and Chromium, for the slow tests.

import { existsSync } from 'node:fs';

const [major] = process.versions.node.split('.').map(Number);

function say(line) {
  console.error(`setup: ${line}`);
}

async function setUp() {
  if (major < 20) throw new Error(`Node ${process.versions.node} is too old: install Node 20 or newer`);
  if (!['linux', 'darwin'].includes(process.platform)) {
    throw new Error('keybaton runs on Linux (glibc) and macOS; on Windows use WSL');
  }
  if (existsSync('/etc/alpine-release')) {
    throw new Error('keybaton needs glibc, which Alpine Linux does not have: the Temporal SDK is not built for musl');
  }
  // Only now: older Nodes fail on the syntax of these files.
  const { alone } = await import('./setup/lock.mjs');
  const { installNode24, installPackages, linkPostgresLibraries } = await import('./setup/packages.mjs');
  const { installPrograms } = await import('./setup/programs.mjs');
  const { bringDebianServers } = await import('./setup/debian.mjs');
  await alone(async () => {
    installPackages(say);
    installNode24(say);
    linkPostgresLibraries();
    await installPrograms(say);
    if (process.argv.includes('--servers')) bringDebianServers(say);
  }, say);
}

setUp().catch((error) => {
  say(error.message);
  process.exitCode = 1;
});
