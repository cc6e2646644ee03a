/** What every vendor of named keys remembers of one; pure, with the clock handed in. Each vendor shows it in its own shape. */
export interface StoredKey {
  readonly id: string;
  readonly value: string;
  /** Project, cluster or workspace: where it lives. */
  readonly place: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  name: string;
  disabled: boolean;
  changedAt: number;
  deletedAt: number | null;
  uses: number;
  usedAt: number | null;
  /** As it was asked for: scopes, limits, a description. */
  readonly asked: Readonly<Record<string, unknown>>;
}

/** Milliseconds until a new key works, and until one that may not work any more stops. */
export interface Spread {
  create: number;
  revoke: number;
}

export function keyStore(spread: () => Spread, onValue: (value: string) => void, now: () => number = Date.now) {
  const keys: StoredKey[] = [];
  const live = (key: StoredKey): boolean => key.deletedAt === null && (key.expiresAt === null || key.expiresAt > now());

  return {
    lastValue: (): string | undefined => keys.at(-1)?.value,
    in: (place: string): readonly StoredKey[] => keys.filter((key) => key.place === place && live(key)),
    find: (id: string): StoredKey | undefined => keys.find((key) => key.id === id && live(key)),

    add(made: Pick<StoredKey, 'id' | 'value' | 'place' | 'name' | 'expiresAt' | 'asked'>): StoredKey {
      onValue(made.value);
      const key = {
        ...made,
        createdAt: now(),
        changedAt: now(),
        disabled: false,
        deletedAt: null,
        uses: 0,
        usedAt: null,
      };
      keys.push(key);
      return key;
    },
    remove: (key: StoredKey): void => void (key.deletedAt = now()),
    disable(key: StoredKey, disabled: boolean): void {
      if (key.disabled !== disabled) Object.assign(key, { disabled, changedAt: now() });
    },

    /** A key that is there and disabled, for a vendor that tells its holder so. */
    disabledOf: (value: string | undefined): StoredKey | undefined =>
      keys.find((key) => key.value === value && key.disabled && live(key)),

    /** The key, when a call with this value is let in; the use is counted. */
    use(value: string | undefined): StoredKey | undefined {
      const key = keys.find((one) => one.value === value);
      if (key === undefined || (key.expiresAt !== null && key.expiresAt <= now())) return undefined;
      const ended = key.deletedAt ?? (key.disabled ? key.changedAt : null);
      const works = ended === null ? now() >= key.changedAt + spread().create : now() < ended + spread().revoke;
      if (!works) return undefined;
      key.uses += 1;
      key.usedAt = now();
      return key;
    },
  };
}
