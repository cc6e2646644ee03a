import { KeybatonError } from '../domain/errors.ts';
import type { Ref } from '../domain/facts.ts';
import type { VersionId } from '../domain/identifiers.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';
import type { Call, LiveCredential } from '../providers/provider.ts';
import { fitsHint } from './fingerprint.ts';
import type { ActivityPorts, BoundProvider } from './ports.ts';

export interface ExistingKey {
  readonly refId: string;
  readonly material: SecretMaterial;
  /** The id it will have, or was given by an import that was cut short. */
  readonly version: VersionId;
}

/**
 * The one live key at the target that a person named by its id, or by what the provider shows of it. It must be nobody's
 * yet, and what the provider shows of its value must fit: a wrong ref would one day kill another application's key.
 */
export async function existingRef(
  ports: ActivityPorts,
  provider: BoundProvider,
  { refId, material, version }: ExistingKey,
  call: Call,
): Promise<Ref> {
  const listed = await provider.list(call);
  const byId = listed.filter((live) => live.ref.id === refId);
  const found = byId.length > 0 ? byId : listed.filter((live) => shows(live, refId));
  const [live, ...more] = found;
  if (live === undefined)
    throw new KeybatonError('NOT_FOUND', `no live key of target ${provider.target} has the id given, nor shows it`);
  if (more.length > 0)
    throw new KeybatonError(
      'CONFLICT',
      `${found.length} live keys of target ${provider.target} show what was given: name one by its id`,
    );
  if (live.disabled)
    throw new KeybatonError('CONFLICT', `key ${live.ref.id} is disabled: enable it at the provider, then import it`);
  if (live.tag !== undefined && (live.tag.installation !== provider.installation || live.tag.version !== version)) {
    const whose =
      live.tag.installation === provider.installation ? `version ${live.tag.version}` : 'another installation';
    throw new KeybatonError('CONFLICT', `key ${live.ref.id} carries the mark of ${whose} already`);
  }
  const owner = (await ports.ledger.refsOfTarget(provider.target)).find(
    (one) => one.ref.id === live.ref.id && (one.ref.mark ?? live.ref.mark) === live.ref.mark && one.version !== version,
  );
  if (owner !== undefined)
    throw new KeybatonError(
      'CONFLICT',
      `key ${live.ref.id} is version ${owner.version} of ${owner.credential} already`,
    );
  if (fitsHint(live.hint, material) === 'differs')
    throw new KeybatonError(
      'VERIFICATION_FAILED',
      `what the provider shows of key ${live.ref.id} does not fit the value: name the key that the value belongs to`,
    );
  return live.ref;
}

const shows = ({ hint }: LiveCredential, text: string): boolean =>
  hint !== undefined && (hint === text || hint.split(/\s+/).includes(text));
