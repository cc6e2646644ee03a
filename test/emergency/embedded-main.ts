import { join } from 'node:path';
import { createReadMain } from '../../backends/embedded/read-main.ts';
import { openEmbedded } from '../../backends/embedded.ts';
import { credentialParts, type CredentialId } from '../../domain/identifiers.ts';
import type { Installation } from './installation.ts';

/** Which version consumers of a credential read, in the vault's own file. */
export function embeddedMain({ folder, key }: Pick<Installation, 'folder' | 'key'>) {
  const vault = openEmbedded({ file: join(folder, 'vault.sqlite') }, { key: (purpose) => key.derive(purpose) });
  const read = createReadMain(vault);
  return Object.assign(
    (id: CredentialId): string => {
      const { provider, environment, application } = credentialParts(id);
      return read(`ai/${environment}/providers/${provider}/keys/${application}`, 'current').version;
    },
    { close: () => vault.close() },
  );
}
