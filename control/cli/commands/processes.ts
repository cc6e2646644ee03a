import { KeybatonError } from '../../../domain/errors.ts';
import type { Command, CommandContext, Given } from '../command.ts';
import type { ProcessOptions } from '../environment.ts';

const config = {
  flags: '--config <file>',
  about: 'adapters of your own (keybaton.config.mts); only from a path given here',
};
const listen = {
  flags: '--listen <host:port>',
  about: 'where the HTTP API listens (default: 127.0.0.1:7270, this machine only)',
};

function optionsFrom({ signal, output }: CommandContext, given: Given): ProcessOptions {
  return {
    overrides: overridesFrom(given),
    ready: (facts) => output.event({ ready: facts }, () => readyText(facts)),
    signal,
  };
}

function overridesFrom(given: Given): Readonly<Record<string, string>> {
  const config = given.text('config');
  const address = given.text('listen');
  const match = address === undefined ? undefined : /^(\[[0-9a-f:]+\]|[^:\s]+):(\d{1,5})$/i.exec(address);
  if (match === null) throw new KeybatonError('INVALID_CONFIG', '--listen wants host:port, such as 127.0.0.1:7270');
  return {
    ...(config === undefined ? {} : { KEYBATON_CONFIG: config }),
    ...(match === undefined
      ? {}
      : { KEYBATON_API_HOST: (match[1] ?? '').replace(/^\[|\]$/g, ''), KEYBATON_API_PORT: match[2] ?? '' }),
  };
}

function readyText({ api, temporal }: { readonly api?: string; readonly temporal?: string }): string {
  const parts = [
    temporal === undefined ? '' : `Temporal at ${temporal}`,
    api === undefined ? '' : `HTTP API at ${api}`,
  ];
  return `ready: ${parts.filter((part) => part !== '').join(', ')} (Ctrl-C stops)`;
}

export const upCommand: Command = {
  name: 'up',
  summary: 'Run everything on this machine: Temporal, worker and HTTP API',
  about:
    "Starts Temporal's own dev server with a database file (unless TEMPORAL_ADDRESS is set), the worker and the HTTP API, with ledger and vault in SQLite. For one machine; Ctrl-C stops it all and loses nothing.",
  options: [listen, config],
  answers: ['ready'],
  examples: [{ line: 'keybaton up', about: 'everything, until Ctrl-C' }],
  run: (context, given) => context.environment.processes.up(optionsFrom(context, given)),
};

export const workerCommand: Command = {
  name: 'worker',
  summary: 'Run one worker: it makes, stores, proves and kills versions',
  about: 'Any number of them may run. TEMPORAL_ADDRESS says where Temporal is.',
  options: [config],
  answers: ['ready'],
  examples: [{ line: 'keybaton worker --config ./keybaton.config.mts', about: 'with adapters of your own' }],
  run: (context, given) => context.environment.processes.worker(optionsFrom(context, given)),
};

export const apiCommand: Command = {
  name: 'api',
  summary: 'Run the HTTP API that consumers read and prove at',
  about: 'Holds no credential of any provider and reads no vault but the embedded one.',
  options: [listen],
  answers: ['ready'],
  examples: [{ line: 'keybaton api --listen 127.0.0.1:7270', about: 'for consumers of this machine' }],
  run: (context, given) => context.environment.processes.api(optionsFrom(context, given)),
};
