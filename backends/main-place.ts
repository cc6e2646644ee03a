import { KeybatonError } from '../domain/errors.ts';
import { isVersionId } from '../domain/identifiers.ts';
import type { MainPlace, Promotion } from './backend.ts';

/** The two fields of ours that are no secret: they lie beside the others and consumers report them. */
export const versionField = 'keybaton_version';
export const epochField = 'keybaton_epoch';

/** What lies at the main place, whoever wrote it. Stores with structured values hold more than strings. */
export type StoredFields = Readonly<Record<string, unknown>>;
export type RenderedFields = Readonly<Record<string, string>>;

export interface Mark {
  readonly version: string;
  readonly epoch: number;
}

export function markOf(stored: StoredFields): Mark | undefined {
  const version = stored[versionField];
  const epoch = Number(stored[epochField] ?? Number.NaN);
  if (typeof version !== 'string' || !Number.isSafeInteger(epoch) || epoch < 0) return undefined;
  return { version, epoch };
}

/**
 * What stands at the main place. `rendered` holds the fields that the marked version's envelope renders to, undefined
 * when there is no such envelope; `mapped` the names that are ours when no mark leads to an envelope (undefined: not
 * known, so that every field may be ours).
 */
export function judgeMain(
  stored: StoredFields | undefined,
  rendered: RenderedFields | undefined,
  mapped: readonly string[] | undefined,
): MainPlace {
  if (stored === undefined) return { kind: 'empty' };
  const mark = markOf(stored);
  if (mark === undefined) {
    const marked = versionField in stored || epochField in stored;
    const occupied = Object.keys(stored).some((name) => mapped === undefined || mapped.includes(name));
    return marked || occupied ? { kind: 'foreign', claims: undefined } : { kind: 'empty' };
  }
  if (rendered !== undefined && isVersionId(mark.version) && holdsAll(stored, rendered)) {
    return { kind: 'ours', version: mark.version, epoch: mark.epoch };
  }
  return { kind: 'foreign', claims: mark };
}

function holdsAll(stored: StoredFields, rendered: RenderedFields): boolean {
  return Object.entries(rendered).every(([name, value]) => stored[name] === value);
}

/**
 * May this promotion be written over what stands there? `done`: it is there already. Throws CONFLICT as the contract
 * says. The epoch that a foreign value claims counts too: otherwise a stale restore would go back behind a newer one.
 */
export function judgePromotion(main: MainPlace, promotion: Promotion): 'done' | 'write' {
  const mark = main.kind === 'ours' ? main : main.kind === 'foreign' ? main.claims : undefined;
  if (mark !== undefined && mark.epoch > promotion.epoch) {
    throw new KeybatonError(
      'CONFLICT',
      `epoch ${String(mark.epoch)} stands there, which is newer than epoch ${String(promotion.epoch)}`,
    );
  }
  if (mark !== undefined && mark.epoch === promotion.epoch && mark.version !== promotion.version) {
    throw new KeybatonError('CONFLICT', `epoch ${String(mark.epoch)} stands there with another version`);
  }
  if (main.kind === 'foreign' && (promotion.overwriteForeign ?? false) === false) {
    throw new KeybatonError(
      'CONFLICT',
      'a value that keybaton did not write stands in a mapped field: restore it or import it as a new version',
    );
  }
  if (main.kind !== 'ours') return 'write';
  if (main.version === promotion.version) return main.epoch === promotion.epoch ? 'done' : 'write';
  if (main.version !== promotion.expected) {
    throw new KeybatonError(
      'CONFLICT',
      `version ${main.version} stands there, ${promotion.expected ?? 'nothing of ours'} was expected`,
    );
  }
  return 'write';
}

/**
 * The main place after a promotion: fields that are not ours carried over, the old version's fields gone even where the
 * new one has none of that name, ours and the mark set.
 */
export function fieldsAfter(
  stored: StoredFields | undefined,
  replaced: RenderedFields | undefined,
  rendered: RenderedFields,
  promotion: Promotion,
): StoredFields {
  const others = Object.keys(rendered).filter(
    (name) => stored?.[name] !== undefined && stored[name] !== rendered[name],
  );
  if (promotion.overwriteForeign === 'same value' && others.length > 0) {
    throw new KeybatonError(
      'CONFLICT',
      `another value than this version's stands in ${others.join(', ')}: import the one that stands there, or restore it by hand`,
    );
  }
  const carried = Object.entries(stored ?? {}).filter(
    ([name]) => replaced === undefined || !Object.hasOwn(replaced, name),
  );
  return {
    ...Object.fromEntries(carried),
    ...rendered,
    [versionField]: promotion.version,
    [epochField]: String(promotion.epoch),
  };
}
