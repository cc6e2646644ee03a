import type { ActivityPorts } from '../activities/ports.ts';
import { servesReaders } from '../backends/embedded.ts';
import type { VaultKeys } from '../control/vault-ports.ts';
import { KeybatonError } from '../domain/errors.ts';
import { asTargets } from '../inventory/targets.ts';

/** Milliseconds that a change may wait for others who hold the vault's lock or log, beside its own work. */
const patience = 10 * 60_000;

export function openVaultKeys(ports: Pick<ActivityPorts, 'ledger' | 'backend'>): VaultKeys {
  async function chosen(name: string | undefined): Promise<string> {
    if (name !== undefined) return name;
    const { backends } = asTargets(await ports.ledger.appliedTargets());
    const [only, ...others] = Object.entries(backends).flatMap(([one, { kind }]) => (kind === 'embedded' ? [one] : []));
    if (only === undefined) throw new KeybatonError('NOT_FOUND', 'targets.yml names no embedded vault');
    if (others.length === 0) return only;
    throw new KeybatonError(
      'INVALID_CONFIG',
      `there are several embedded vaults: name one of ${[only, ...others].join(', ')}`,
    );
  }

  return {
    async change(asked, signal) {
      const name = await chosen(asked);
      const backend = await ports.backend(name);
      if (!servesReaders(backend))
        throw new KeybatonError(
          'UNSUPPORTED',
          `backend ${name} is no embedded vault: its own key is changed where it runs`,
        );
      const deadline = Date.now() + patience;
      return { backend: name, ...(await backend.changeKey({ signal, deadline, now: () => Date.now() })) };
    },
  };
}
