import { randomUUID } from 'node:crypto';
import { codeOf, isKeybatonError, KeybatonError } from '../../domain/errors.ts';
import { isVersionId, type VersionId } from '../../domain/identifiers.ts';
import type { BackendCall, Envelope, Place } from '../backend.ts';
import { envelopeIn, envelopeText } from '../envelope-text.ts';
import { sameMaterial } from '../fields.ts';
import { mainName, placeHash, placeLabel } from './names.ts';
import type { SecretStore } from './secret-store.ts';
import type { KubernetesSettings } from './settings.ts';

/** The staging place: one immutable Secret per version, in a namespace of its own. */
export interface Staging {
  add(place: Place, envelope: Envelope, call: BackendCall): Promise<void>;
  find(place: Place, version: string, call: BackendCall): Promise<Envelope | undefined>;
  list(place: Place, call: BackendCall): Promise<readonly VersionId[]>;
  erase(place: Place, version: VersionId, call: BackendCall): Promise<void>;
  probe(call: BackendCall): Promise<void>;
}

const envelopeKey = 'envelope';

export function createStaging(
  { stagingNamespace: namespace, root }: Pick<KubernetesSettings, 'stagingNamespace' | 'root'>,
  store: SecretStore,
): Staging {
  const nameOf = (place: Place, version: string) => `${mainName(place, root)}.${version}`;

  async function find(place: Place, version: string, call: BackendCall): Promise<Envelope | undefined> {
    if (!isVersionId(version)) return undefined;
    const read = await store.read(namespace, nameOf(place, version), call);
    return read && envelopeIn(String(read.fields[envelopeKey]), version);
  }

  return {
    find,

    async add(place, envelope, call) {
      const { version, material } = envelope;
      const labels = { [placeLabel]: placeHash(mainName(place, root)) };
      const secret = { fields: { [envelopeKey]: envelopeText(envelope) }, labels, immutable: true };
      let lost: KeybatonError | undefined;
      try {
        if ((await store.create(namespace, nameOf(place, version), secret, call)) === 'made') return;
      } catch (thrown) {
        if (!isKeybatonError(thrown) || thrown.code !== 'AMBIGUOUS') throw thrown;
        lost = thrown;
      }
      // A conflict found while looking after a lost answer is the better answer; any other trouble leaves it lost.
      const there = await find(place, version, call).catch((trouble: unknown) => {
        throw lost !== undefined && codeOf(trouble) !== 'CONFLICT' ? lost : trouble;
      });
      if (there === undefined)
        throw lost ?? new KeybatonError('UNAVAILABLE', `the staged copy of version ${version} was erased meanwhile`);
      if (!sameMaterial(there.material, material))
        throw new KeybatonError('CONFLICT', `version ${version} is staged with another value`);
    },

    async list(place, call) {
      const name = mainName(place, root);
      const found = await store.labelled(namespace, `${placeLabel}=${placeHash(name)}`, call);
      return found.map((one) => one.slice(name.length + 1)).filter(isVersionId);
    },

    erase: (place, version, call) => store.erase(namespace, nameOf(place, version), call),

    async probe(call) {
      // A name of its own: two probes at once must not meet.
      const name = `probe-${randomUUID()}`;
      await store.create(namespace, name, { fields: { probe: 'keybaton' }, labels: {}, immutable: true }, call);
      const read = await store.read(namespace, name, call);
      await store.erase(namespace, name, call);
      if (read?.fields['probe'] !== 'keybaton') {
        throw new KeybatonError('VERIFICATION_FAILED', 'kubernetes does not give back what was written to a Secret');
      }
    },
  };
}
