import type { EntryBackend } from '../../domain/entry.ts';
import { codeOf } from '../../domain/errors.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import { backendCall } from '../calls.ts';
import type { ContainmentPorts } from './ports.ts';

/** Milliseconds for one backend: a proof without a value is better than none in time. */
const backendPatience = 3_000;

export interface OwnValues {
  /** The version's own value from the first backend that has it; undefined when none can be reached. */
  of(wanted: {
    readonly credential: CredentialId;
    readonly version: VersionId;
    readonly places: readonly EntryBackend[];
    readonly fingerprint: string | undefined;
  }): Promise<SecretMaterial | undefined>;
}

/**
 * Reads staged copies for one batch. Another value than the fingerprint's proves nothing and is as good as none, as is
 * one that cannot be checked. A backend that did not answer is not waited for a second time.
 */
export function ownValues(ports: ContainmentPorts, provider: string, signal: AbortSignal): OwnValues {
  const silent = new Set<string>();

  async function read(
    credential: CredentialId,
    version: VersionId,
    at: EntryBackend,
  ): Promise<SecretMaterial | undefined> {
    if (silent.has(at.backend)) return undefined;
    try {
      const call = backendCall(ports, signal, backendPatience);
      return await Promise.race([
        readable(ports, at, { credential, path: at.path }, version, call),
        givenUp(call.signal),
      ]);
    } catch (thrown) {
      // Absent here; or a trouble that may pass: the grade is `absent` then, and its rotation asks again.
      if (codeOf(thrown) !== 'NOT_FOUND') silent.add(at.backend);
      return undefined;
    }
  }

  return {
    async of({ credential, version, places, fingerprint }) {
      if (fingerprint === undefined) return undefined;
      const found = await Promise.all(places.map((at) => read(credential, version, at)));
      return found.find((material) => material !== undefined && ports.fingerprint(provider, material) === fingerprint);
    },
  };
}

async function readable(
  ports: ContainmentPorts,
  at: EntryBackend,
  place: { readonly credential: CredentialId; readonly path: string },
  version: VersionId,
  call: ReturnType<typeof backendCall>,
): Promise<SecretMaterial | undefined> {
  const backend = await ports.backend(at.backend);
  if (!backend.readable) return undefined;
  return (await backend.read(place, version, call)).material;
}

function givenUp(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const over = (): void => reject(new DOMException('given up', 'AbortError'));
    if (signal.aborted) over();
    signal.addEventListener('abort', over, { once: true });
  });
}
