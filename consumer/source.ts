import { isRecord } from './api.ts';
import type { Held } from './keeper.ts';
import { problem } from './problem.ts';
import { makeSecret } from './secret.ts';

/** What a store keeps under one name: our fields, those of others, and `keybaton_version` and `keybaton_epoch` beside them. */
export type Stored = Readonly<Record<string, string>>;

/**
 * A store that keybaton promotes versions into, as a consumer reads it. Errors carry no value; a `ConsumerProblem` is told
 * as it is, anything else as NO_ANSWER. Both readings end with the signal.
 */
export interface Source {
  /** For messages: where it reads, no secret. */
  readonly name: string;
  /** What the store calls current. */
  current(signal: AbortSignal): Promise<Stored>;
  /** What carried this `keybaton_version` before, where the store still shows it. NOT_FOUND otherwise. */
  before?(version: string, signal: AbortSignal): Promise<Stored>;
  /** Calls back when the store may hold something else; for those that can tell. Ends with the signal. */
  watch?(changed: () => void, signal: AbortSignal): Promise<void>;
}

/** The field that proofs are made from: its name, or a function where a field holds more than the value. */
export type ProofValue = string | ((fields: Readonly<Record<string, string>>) => string);

const versionField = 'keybaton_version';
const epochField = 'keybaton_epoch';
/** Where a template renders our fields the value may lie beside them under this name. */
const valueField = 'keybaton_value';

/** INVALID_CONFIG when keybaton promoted nothing there. `name` is that of the source. */
export function heldFrom(stored: Stored, name: string, proofValue: ProofValue | undefined): Held {
  const { [versionField]: version, [epochField]: written, [valueField]: value, ...fields } = stored;
  const epoch = Number(written);
  if (version === undefined || version === '' || !Number.isSafeInteger(epoch) || epoch < 1) {
    throw problem(
      'INVALID_CONFIG',
      `${name} has no ${versionField} and ${epochField} beside its fields: nothing was promoted there, or what copies it leaves them out`,
    );
  }
  const secret = makeSecret({ fields, version, epoch });
  return { secret, value: proofValue === undefined ? (value ?? onlyOne(fields)) : pick(proofValue, secret.fields) };
}

function pick(proofValue: ProofValue, fields: Stored): string | undefined {
  return typeof proofValue === 'string' ? fields[proofValue] : proofValue(fields);
}

function onlyOne(fields: Stored): string | undefined {
  const values = Object.values(fields);
  return values.length === 1 ? values[0] : undefined;
}

/** The texts of a JSON object; numbers and truth values as text. Undefined when it is no object. */
export function storedFrom(read: unknown): Stored | undefined {
  if (!isRecord(read)) return undefined;
  const texts = Object.entries(read).flatMap(([name, value]) => {
    if (typeof value === 'string') return [[name, value] as const];
    return typeof value === 'number' || typeof value === 'boolean' ? [[name, String(value)] as const] : [];
  });
  return Object.fromEntries(texts);
}

/** Undefined when the text is no JSON object. The parser's message quotes what it was given, so it goes no further. */
export function storedFromText(text: string): Stored | undefined {
  try {
    return storedFrom(JSON.parse(text));
  } catch {
    return undefined;
  }
}
