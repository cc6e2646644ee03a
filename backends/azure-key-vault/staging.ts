import { codeOf, isKeybatonError, KeybatonError } from '../../domain/errors.ts';
import { isVersionId, type VersionId } from '../../domain/identifiers.ts';
import type { BackendCall, Envelope, Place } from '../backend.ts';
import { envelopeIn, envelopeText } from '../envelope-text.ts';
import { sameMaterial } from '../fields.ts';
import { nameOf, versionTag } from './names.ts';
import type { ListedVersion, Secrets } from './secrets.ts';
import { settledVersions } from './settled.ts';

/** The staging place: one secret per entry beside its own, with one tagged version per envelope. */
export interface Staging {
  add(place: Place, envelope: Envelope, call: BackendCall): Promise<void>;
  find(place: Place, version: string, call: BackendCall): Promise<Envelope | undefined>;
  list(place: Place, call: BackendCall): Promise<readonly VersionId[]>;
  erase(place: Place, version: VersionId, call: BackendCall): Promise<void>;
  probe(place: Place, call: BackendCall): Promise<void>;
}

export function createStaging(prefix: string, secrets: Secrets): Staging {
  const stagingOf = (place: Place) => nameOf(place.path, prefix);
  const isOf = (version: string) => (one: ListedVersion) => one.tags[versionTag] === version;

  async function envelopeAt(place: Place, version: VersionId, id: string, call: BackendCall) {
    const read = await secrets.read(stagingOf(place), id, call);
    return typeof read === 'string' ? undefined : envelopeIn(read.text, version);
  }

  /** Of several, the first: whoever wrote another one has been told CONFLICT, or is about to be. */
  async function find(place: Place, version: string, call: BackendCall): Promise<Envelope | undefined> {
    if (!isVersionId(version)) return undefined;
    const { versions } = await secrets.versions(stagingOf(place), call);
    const first = versions.find((one) => one.enabled && isOf(version)(one));
    return first && envelopeAt(place, version, first.id, call);
  }

  /** What was staged under this version, now that nothing more can come before it: `mine`, or CONFLICT. */
  async function judge(
    place: Place,
    envelope: Envelope,
    written: string | undefined,
    call: BackendCall,
  ): Promise<void> {
    const { version, material } = envelope;
    const versions = (await settledVersions(secrets, stagingOf(place), isOf(version), written, call)).filter(
      isOf(version),
    );
    const first = versions.find(({ enabled }) => enabled);
    if (first === undefined) {
      throw new KeybatonError('CONFLICT', `the staged copy of version ${version} was deleted by hand`);
    }
    if (first.id === written) return;
    const there = await envelopeAt(place, version, first.id, call);
    if (there !== undefined && sameMaterial(there.material, material)) return;
    if (written !== undefined) await secrets.disable(stagingOf(place), written, call);
    throw new KeybatonError('CONFLICT', `version ${version} is staged with another value`);
  }

  return {
    async add(place, envelope, call) {
      const name = stagingOf(place);
      const { version } = envelope;
      if ((await secrets.versions(name, call)).versions.some(isOf(version))) {
        await judge(place, envelope, undefined, call);
        return;
      }
      let written: string | undefined;
      try {
        written = await secrets.set(name, envelopeText(envelope), { [versionTag]: version }, 'application/json', call);
      } catch (thrown) {
        if (!isKeybatonError(thrown) || thrown.code !== 'AMBIGUOUS') throw thrown;
        // The answer is lost: a version with our tag tells that it happened; without one it may still come.
        const { versions } = await secrets.versions(name, call).catch(() => ({ versions: [] }));
        if (!versions.some(isOf(version))) throw thrown;
      }
      await judge(place, envelope, written, call).catch((thrown: unknown) => {
        // It is written: whatever else stands in the way now must not read as "had no effect".
        if (codeOf(thrown) === 'CONFLICT') throw thrown;
        throw new KeybatonError('AMBIGUOUS', `version ${version} is written, and whether it stands could not be seen`);
      });
    },

    find,

    async list(place, call) {
      const { versions } = await secrets.versions(stagingOf(place), call);
      const ids = versions.filter(({ enabled }) => enabled).map(({ tags }) => tags[versionTag] ?? '');
      return [...new Set(ids.filter(isVersionId))];
    },

    async erase(place, version, call) {
      const { versions } = await secrets.versions(stagingOf(place), call);
      for (const one of versions) {
        if (one.enabled && isOf(version)(one)) await secrets.disable(stagingOf(place), one.id, call);
      }
    },

    async probe(place, call) {
      const name = stagingOf(place);
      const id = await secrets.set(name, 'keybaton', { 'keybaton-probe': 'yes' }, undefined, call);
      const read = await secrets.read(name, id, call);
      await secrets.disable(name, id, call);
      if (typeof read === 'string' || read.text !== 'keybaton') {
        throw new KeybatonError(
          'VERIFICATION_FAILED',
          'Key Vault does not give back what was written to the staging secret',
        );
      }
    },
  };
}
