import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { KeybatonError } from '../domain/errors.ts';

/** What a process needs to know before it can open anything; from the environment, no secret in it. */
export interface Settings {
  /** Folder of this installation: ledger, embedded vault, installation key, kill sheet, logs. */
  readonly home: string;
  readonly ledgerUrl: string;
  readonly killSheet: string;
  readonly temporal: { readonly address: string; readonly namespace: string };
  /** Temporal is ours to start (`up`) unless an address was given. */
  readonly ownTemporal: boolean;
  readonly api: { readonly host: string; readonly port: number };
  readonly logLevel: string;
  /** Temporal keeps payloads sealed; every process of an installation must say the same. */
  readonly sealPayloads: boolean;
  /** An outside configuration with adapters of its own; every process but `api` loads it. */
  readonly config: string | undefined;
  readonly host: string;
}

export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  refuseTalkingNode(environment['NODE_DEBUG']);
  const home = resolve(environment['KEYBATON_HOME'] ?? '.keybaton');
  const config = environment['KEYBATON_CONFIG'];
  return {
    home,
    ledgerUrl: environment['KEYBATON_LEDGER'] ?? `sqlite:${join(home, 'ledger.sqlite')}`,
    killSheet: join(home, 'kill-sheet.json'),
    temporal: {
      address: environment['TEMPORAL_ADDRESS'] ?? '127.0.0.1:7233',
      namespace: environment['TEMPORAL_NAMESPACE'] ?? 'keybaton',
    },
    ownTemporal: environment['TEMPORAL_ADDRESS'] === undefined,
    api: {
      host: environment['KEYBATON_API_HOST'] ?? '127.0.0.1',
      port: port(environment['KEYBATON_API_PORT'] ?? '7270'),
    },
    logLevel: environment['KEYBATON_LOG_LEVEL'] ?? 'info',
    sealPayloads: environment['KEYBATON_SEAL_PAYLOADS'] === 'yes',
    config: config === undefined ? undefined : resolve(config),
    host: hostname(),
  };
}

/** Node's own debug output prints the headers and bodies of what we send: admin credentials and values among them. */
function refuseTalkingNode(sections: string | undefined): void {
  if (sections === undefined || sections === '') return;
  throw new KeybatonError('INVALID_CONFIG', 'Node would print what keybaton sends, secrets too: unset NODE_DEBUG');
}

function port(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0 && number < 65_536) return number;
  throw new KeybatonError('INVALID_CONFIG', 'KEYBATON_API_PORT must be a port number (0 takes a free one)');
}
