import type { KillSheet } from '../../ledger/ledger.ts';

/** A kill sheet that knows these current versions at the target `memory`. */
export function sheetOf(keys: readonly { readonly credential: string; readonly version: string }[]): KillSheet {
  return {
    format: 1,
    installation: 'abcd1234',
    n: 1,
    at: 0,
    targets: {},
    credentials: keys.map(({ credential, version }) => ({
      credential,
      status: 'managed',
      target: 'memory',
      team: 'search',
      groups: [],
      emergency: { policy: 'revoke-first', bound: 0 },
      backends: [{ backend: 'vault', path: `ai/${credential}` }],
      versions: [
        {
          version,
          fate: 'current',
          target: 'memory',
          compromised: false,
          fingerprint: `kb1:p:${version}`,
          refs: [{ id: 'key-1' }],
          openIntents: [],
          onlyByHand: false,
        },
      ],
    })),
  };
}
