import { createHash } from 'node:crypto';
import { KeybatonError } from '../../domain/errors.ts';
import type { BackendCall, Place, Promotion } from '../backend.ts';
import { fieldsIn } from '../envelope-text.ts';
import type { StoredFields } from '../main-place.ts';
import { current, pending, type Secrets } from './secrets.ts';

/** What consumers read now. */
export interface Standing {
  /** Undefined when nothing is there. */
  readonly fields: StoredFields | undefined;
  /** A text or bytes that are no JSON object: nothing in it has a name, so nothing can be carried over. */
  readonly unstructured: boolean;
  /** The version under AWSCURRENT, which a promotion must name to replace just this. */
  readonly base: string | undefined;
  readonly stages: readonly string[];
}

/** Versions of one id that may be tried when somebody holds the first with other content. */
const spares = 4;

export async function readMain(secrets: Secrets, path: string, call: BackendCall): Promise<Standing> {
  // The label is always named: a request without one is answered from it as well, and the policy's condition would miss it.
  const read = await secrets.read(path, { stage: current }, call);
  if (read === 'deleted') {
    throw new KeybatonError(
      'CONFLICT',
      `secret ${path} is scheduled for deletion: restore it, or let the deletion end`,
    );
  }
  if (read === 'absent') return { fields: undefined, unstructured: false, base: undefined, stages: [] };
  const fields = fieldsIn(read.text ?? '');
  return { fields: fields ?? {}, unstructured: fields === undefined, base: read.id, stages: read.stages };
}

/**
 * Makes `fields` current in place of the version `base`, in one step: written under AWSPENDING, then AWSCURRENT is moved
 * away from `base` and from nothing else. `moved`: something else is current by now, and consumers read that.
 */
export async function replaceMain(
  secrets: Secrets,
  place: Place,
  promotion: Promotion,
  { base, fields }: { readonly base: string | undefined; readonly fields: StoredFields },
  call: BackendCall,
): Promise<'done' | 'moved'> {
  const { path } = place;
  const text = JSON.stringify(fields);
  const first = tokenFor(place, promotion, base);
  if (base === undefined && (await secrets.create(path, first, text, call)) === 'created') return 'done';
  // It is there: without any version, or somebody was faster.
  for (let spare = 0; spare < spares; spare += 1) {
    const token = spare === 0 ? first : `${first}-${String(spare)}`;
    const put = await secrets.put(path, token, text, call);
    if (put === 'taken') continue;
    if (!put.stages.includes(current)) {
      if (base === undefined) return 'moved';
      if ((await secrets.move(path, current, { to: token, from: base }, call)) === 'moved') return 'moved';
    }
    await dropPending(secrets, path, token, call);
    return 'done';
  }
  throw new KeybatonError('CONFLICT', `secret ${path} holds other content under every version id of this promotion`);
}

/** The promotion is done; only its label is left, so no trouble of this call may read as "had no effect". */
export async function dropPending(secrets: Secrets, path: string, version: string, call: BackendCall): Promise<void> {
  try {
    // `moved`: another promotion has taken the label already.
    await secrets.move(path, pending, { from: version }, call);
  } catch {
    throw new KeybatonError(
      'AMBIGUOUS',
      `secret ${path} is promoted, and its version still has AWSPENDING: promote again`,
    );
  }
}

/**
 * The id of the version that this promotion writes: ours, the epoch, and what it replaces under which mapping. So a
 * promotion that is repeated writes the same version, and one that must carry over other fields another one.
 */
function tokenFor({ fields }: Place, { version, epoch }: Promotion, base: string | undefined): string {
  const over = createHash('sha256')
    .update(JSON.stringify([base ?? '', fields ?? '']))
    .digest('hex')
    .slice(0, 10);
  return `${version}-${String(epoch)}-${over}`;
}
