import { KeybatonError } from '../../domain/errors.ts';
import type { BackendCall, Envelope, MainPlace, Place, Promotion } from '../backend.ts';
import { fieldsIn } from '../envelope-text.ts';
import { renderFields } from '../fields.ts';
import { judgeMain, markOf, type RenderedFields, type StoredFields } from '../main-place.ts';
import { epochTag, nameOf, versionTag } from './names.ts';
import type { Secrets, SecretVersion } from './secrets.ts';
import type { Staging } from './staging.ts';

/** One version of the entry's secret, judged; the current one, or one that stood there for a moment. */
export interface Standing {
  readonly main: MainPlace;
  /** Undefined when nothing is there. */
  readonly written: SecretVersion | undefined;
  readonly fields: StoredFields | undefined;
  /** A text that is no JSON object: nothing in it has a name, so nothing can be carried over. */
  readonly unstructured: boolean;
  /** What the marked version's envelope renders to, and that envelope. */
  readonly rendered: RenderedFields | undefined;
  readonly marked: Envelope | undefined;
}

export interface MainSecret {
  /** What consumers read now. */
  current(place: Place, mapped: Mapped, call: BackendCall): Promise<Standing>;
  /** A version that may be read no more is `disabled`. */
  version(place: Place, id: string, mapped: Mapped, call: BackendCall): Promise<Standing | 'disabled'>;
  /** Writes a promotion's fields over `over`, whose tags and content type that are not ours stay. The new version's id. */
  write(place: Place, promotion: Promotion, over: Standing, fields: StoredFields, call: BackendCall): Promise<string>;
  /** Makes an older version's content current again, as it was. */
  putBack(place: Place, older: SecretVersion, call: BackendCall): Promise<void>;
}

/** The names of our fields where no mark leads to an envelope. */
export type Mapped = () => Promise<readonly string[] | undefined>;

export function createMainSecret(secrets: Secrets, staging: Staging): MainSecret {
  async function judged(
    place: Place,
    written: SecretVersion | undefined,
    mapped: Mapped,
    call: BackendCall,
  ): Promise<Standing> {
    const parsed = written && fieldsIn(written.text);
    const unstructured = written !== undefined && parsed === undefined;
    const fields = unstructured ? {} : parsed;
    const mark = fields && markOf(fields);
    const marked = mark && (await staging.find(place, mark.version, call));
    const rendered = marked && renderFields(place.fields, marked.material);
    const names = fields && mark === undefined ? await mapped() : undefined;
    const main: MainPlace = unstructured ? { kind: 'foreign', claims: undefined } : judgeMain(fields, rendered, names);
    return { main, written, fields, unstructured, rendered, marked };
  }

  return {
    async current(place, mapped, call) {
      const name = nameOf(place.path);
      const read = await secrets.read(name, undefined, call);
      if (read === 'disabled') {
        // No older version stands in for it: consumers are refused, and what it holds cannot be carried over.
        throw new KeybatonError(
          'CONFLICT',
          `the current version of secret ${name} is disabled: enable it, or write the secret anew`,
        );
      }
      return judged(place, read === 'absent' ? undefined : read, mapped, call);
    },

    async version(place, id, mapped, call) {
      const read = await secrets.read(nameOf(place.path), id, call);
      return typeof read === 'string' ? 'disabled' : judged(place, read, mapped, call);
    },

    write(place, { version, epoch }, over, fields, call) {
      const tags = { ...over.written?.tags, [versionTag]: version, [epochTag]: String(epoch) };
      const contentType = over.unstructured ? undefined : over.written?.contentType;
      return secrets.set(nameOf(place.path), JSON.stringify(fields), tags, contentType ?? 'application/json', call);
    },

    async putBack(place, { text, tags, contentType }, call) {
      await secrets.set(nameOf(place.path), text, tags, contentType, call);
    },
  };
}
