import type { ActivityPorts } from '../activities/ports.ts';
import { type EmbeddedBackend, servesReaders } from '../backends/embedded.ts';
import type { EmbeddedVault } from '../control/ports.ts';
import { codeOf, KeybatonError } from '../domain/errors.ts';
import type { CredentialId } from '../domain/identifiers.ts';
import { parseVersionId } from '../domain/identifiers.ts';

/** Where a credential lies in the embedded vault, as the inventory said when it was asked. */
interface Known {
  readonly at: number;
  readonly backend: EmbeddedBackend;
  readonly path: string;
}

/**
 * What consumers read of an entry that has the embedded vault among its backends. NOT_FOUND for every other entry. The ledger is
 * asked only where it lies, and not again within `fresh` milliseconds (5 000); while it does not answer, the secret lies where it
 * lay. What is there is asked of the vault every time.
 */
export function embeddedVaultOf(
  ports: Pick<ActivityPorts, 'ledger' | 'backend'>,
  { fresh = 5_000 }: { readonly fresh?: number } = {},
): EmbeddedVault {
  const known = new Map<CredentialId, Known>();
  const asking = new Map<CredentialId, Promise<Known | undefined>>();

  async function ask(credential: CredentialId): Promise<Known | undefined> {
    const at = performance.now();
    const { entry } = await ports.ledger.facts(credential);
    for (const { backend: name, path } of entry.backends) {
      const backend = await ports.backend(name);
      if (!servesReaders(backend)) continue;
      const place = { at, backend, path };
      known.set(credential, place);
      return place;
    }
    known.delete(credential);
    return undefined;
  }

  async function placeOf(credential: CredentialId): Promise<Known | undefined> {
    const last = known.get(credential);
    if (last !== undefined && performance.now() - last.at < fresh) return last;
    const asked = asking.get(credential) ?? ask(credential).finally(() => asking.delete(credential));
    asking.set(credential, asked);
    try {
      return await asked;
    } catch (thrown) {
      if (last !== undefined && codeOf(thrown) === 'UNAVAILABLE') return last;
      throw thrown;
    }
  }

  return {
    async read(credential, which) {
      const place = await placeOf(credential);
      if (place === undefined)
        throw new KeybatonError(
          'NOT_FOUND',
          `${credential} is not kept in the embedded vault: read it where its backend keeps it`,
        );
      const { version, epoch, fields } = await place.backend.readMain(place.path, which);
      return { version: parseVersionId(version), epoch, fields };
    },
  };
}
