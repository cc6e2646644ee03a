import { KeybatonError } from './errors.ts';

const brand = Symbol.for('keybaton.material');
const inspect = Symbol.for('nodejs.util.inspect.custom');

/**
 * The secret itself: a small record of named fields. It refuses to travel: printing shows `[secret]`, JSON throws (so
 * Temporal's payload converter refuses it instead of writing it to history), structured clone carries nothing.
 * `reveal()` may be called only where the import rules allow it.
 */
export class SecretMaterial {
  readonly #fields: Readonly<Record<string, string>>;
  readonly #valueField: string;

  /** `valueField` names the field that is *the value*: fingerprint and proofs are made from it. */
  constructor(fields: Readonly<Record<string, string>>, valueField: string) {
    if (!Object.hasOwn(fields, valueField)) {
      throw new KeybatonError('INVALID_CONFIG', `material has no field ${valueField}`);
    }
    this.#fields = Object.freeze({ ...fields });
    this.#valueField = valueField;
    Object.defineProperty(this, brand, { value: true });
  }

  /** All fields, for the one moment in which they are used. Do not keep the answer. */
  reveal(): Readonly<Record<string, string>> {
    return this.#fields;
  }

  /** The field that is the value, for the one moment in which it is used. */
  revealValue(): string {
    // The constructor has checked that the field exists.
    return this.#fields[this.#valueField] as string;
  }

  /** Names are no secret. */
  fieldNames(): readonly string[] {
    return Object.keys(this.#fields);
  }

  valueFieldName(): string {
    return this.#valueField;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): never {
    throw new KeybatonError('INVALID_CONFIG', 'secret material must not be serialised');
  }

  [inspect](): string {
    return '[secret]';
  }

  get [Symbol.toStringTag](): string {
    return 'SecretMaterial';
  }
}

export function isSecretMaterial(thing: unknown): thing is SecretMaterial {
  return typeof thing === 'object' && thing !== null && brand in thing;
}
