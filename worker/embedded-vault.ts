import type { ActivityPorts } from '../activities/ports.ts';
import { servesReaders } from '../backends/embedded.ts';
import type { EmbeddedVault } from '../control/ports.ts';
import { KeybatonError } from '../domain/errors.ts';
import { parseVersionId } from '../domain/identifiers.ts';

/** What consumers read of an entry that has the embedded vault among its backends. NOT_FOUND for every other entry. */
export function embeddedVaultOf(ports: Pick<ActivityPorts, 'ledger' | 'backend'>): EmbeddedVault {
  return {
    async read(credential, which) {
      const { entry } = await ports.ledger.facts(credential);
      for (const { backend: name, path } of entry.backends) {
        const backend = await ports.backend(name);
        if (!servesReaders(backend)) continue;
        const { version, epoch, fields } = backend.readMain(path, which);
        return { version: parseVersionId(version), epoch, fields };
      }
      throw new KeybatonError(
        'NOT_FOUND',
        `${credential} is not kept in the embedded vault: read it where its backend keeps it`,
      );
    },
  };
}
