import { randomBytes } from 'node:crypto';
import type { ContainmentPorts } from '../activities/containment/ports.ts';
import { fingerprint } from '../activities/fingerprint.ts';
import { candidateFromSheet, frozen, type Candidate } from '../control/operations/emergency-candidates.ts';
import { codeOf, isKeybatonError, KeybatonError } from '../domain/errors.ts';
import type { FrozenVersion } from '../domain/incident.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';
import type { KillSheet } from '../ledger/ledger.ts';

/** Milliseconds for one backend, and how many are read side by side. */
const patience = 3_000;
const side = 10;

/** Versions of the sheet whose stored copy is this value. Compared by a keyed digest under a key of the moment. */
export async function storedAs(
  ports: ContainmentPorts,
  value: SecretMaterial,
  sheet: KillSheet,
): Promise<{ readonly versions: readonly FrozenVersion[]; readonly troubles: readonly string[] }> {
  const pepper = randomBytes(32);
  const digest = (material: SecretMaterial): string => fingerprint(pepper, 'now', 'any', material);
  const wanted = digest(value);
  const versions: FrozenVersion[] = [];
  const troubles = new Set<string>();

  const candidates = sheet.credentials.flatMap((one) => candidateFromSheet(one) ?? []).values();
  const lane = async (): Promise<void> => {
    for (const candidate of candidates) {
      const mine: Candidate['versions'][number][] = [];
      for (const version of candidate.versions) {
        const copies = await copiesOf(ports, candidate, version, troubles);
        if (copies.some((material) => digest(material) === wanted)) mine.push(version);
      }
      const taken = (id: string): boolean => mine.some(({ version }) => version === id);
      versions.push(...mine.map((version) => frozen(candidate, version, ports.now(), taken)));
    }
  };
  await Promise.all(Array.from({ length: side }, lane));
  return { versions, troubles: [...troubles] };
}

async function copiesOf(
  ports: ContainmentPorts,
  { credential, places }: Candidate,
  { version, left = [] }: Candidate['versions'][number],
  troubles: Set<string>,
): Promise<readonly SecretMaterial[]> {
  const copies: SecretMaterial[] = [];
  for (const { backend: name, path } of [...places, ...left]) {
    try {
      const backend = await ports.backend(name);
      if (!backend.readable) throw new KeybatonError('UNSUPPORTED', 'it is write-only');
      const signal = AbortSignal.timeout(patience);
      const call = { signal, deadline: ports.now() + patience, now: () => ports.now() };
      const read = backend.read({ credential, path }, version, call);
      const late = new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new KeybatonError('UNAVAILABLE', 'it does not answer')), {
          once: true,
        });
      });
      copies.push((await Promise.race([read, late])).material);
    } catch (thrown) {
      if (codeOf(thrown) === 'NOT_FOUND' && isKeybatonError(thrown)) continue;
      troubles.add(
        `backend ${name} could not be read: ${isKeybatonError(thrown) ? thrown.message : 'its adapter failed'}`,
      );
    }
  }
  return copies;
}
