/** What stands in place of the name of the process, user and machine that recorded. */
export const recorder = 'recorder';

/**
 * A history without the place it was recorded at: identities, and the names of sticky queues, which are made of them.
 * A replay reads neither.
 */
export function withoutOurPlace(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutOurPlace);
  if (typeof value !== 'object' || value === null) return value;
  // Every object of a JSON text is such a record.
  const record = value as Readonly<Record<string, unknown>>;
  const sticky = record['kind'] === 'TASK_QUEUE_KIND_STICKY';
  return Object.fromEntries(
    Object.entries(record).map(([name, inner]) =>
      name === 'identity' || (sticky && name === 'name') ? [name, recorder] : [name, withoutOurPlace(inner)],
    ),
  );
}
