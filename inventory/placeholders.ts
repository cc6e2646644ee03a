import type { ZodType } from 'zod';

/** What no adapter takes for a place of somebody: hosts below `.invalid` do not exist (RFC 2606). */
export const placeholder = 'fill-in';

const candidates: readonly (() => unknown)[] = [
  () => placeholder,
  () => 'https://fill-in.invalid',
  () => '00000000-0000-0000-0000-000000000000',
  () => 'eu-central-1',
  // A reference of letters alone.
  () => 'fillinfillinfillinfi',
  () => 1,
  () => [placeholder],
  () => ({}),
  () => false,
];

/** How deep and how wide such settings may be. */
const most = 40;

/**
 * Settings that pass this schema, each one that it demands filled in with a placeholder; `filled` are the paths that a person
 * must write. Undefined: no placeholder passes there.
 */
export function placeholderSettings(
  schema: ZodType,
): { readonly settings: Record<string, unknown>; readonly filled: readonly string[] } | undefined {
  const settings: Record<string, unknown> = {};
  const filled = new Set<string>();
  for (let n = 0; n < most; n += 1) {
    const [first] = wrongIn(schema, settings);
    if (first === undefined) return { settings, filled: [...filled] };
    const { path, values } = first;
    const passing = [...values.map((value) => () => value), ...candidates].find((candidate) => {
      put(settings, path, candidate());
      return !wrongIn(schema, settings).some((one) => one.path.join('.') === path.join('.'));
    });
    if (passing === undefined) return undefined;
    put(settings, path, passing());
    filled.delete(path.slice(0, -1).join('.'));
    filled.add(path.join('.'));
  }
  return undefined;
}

/** `values`: the only ones it takes, the last first, since the widest right stands first in most lists. */
function wrongIn(
  schema: ZodType,
  settings: unknown,
): readonly { readonly path: readonly string[]; readonly values: readonly unknown[] }[] {
  return (schema.safeParse(settings).error?.issues ?? []).map((issue) => ({
    path: issue.path.map(String),
    values: issue.code === 'invalid_value' ? issue.values.toReversed() : [],
  }));
}

function put(settings: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let at = settings;
  for (const part of path.slice(0, -1)) {
    const next = at[part];
    // What we put there ourselves, or nothing yet.
    const inner = typeof next === 'object' && next !== null ? (next as Record<string, unknown>) : {};
    at[part] = inner;
    at = inner;
  }
  const last = path.at(-1);
  if (last !== undefined) at[last] = value;
}
