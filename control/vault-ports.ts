/** The keys of embedded vaults, where this process can reach their files; implemented by `worker/`. */
export interface VaultKeys {
  /**
   * A new key for one embedded vault; everything in it is sealed anew and the former key dropped, while others read and
   * write. Goes on with a change that was interrupted. Without a name: the only one there is. NOT_FOUND, INVALID_CONFIG
   * when there are several, UNSUPPORTED for a backend of another kind; else as the backend contract says.
   */
  change(backend: string | undefined, signal: AbortSignal): Promise<ChangedVaultKey>;
}

export interface ChangedVaultKey {
  readonly backend: string;
  /** Ids of keys: they tell nothing of them. */
  readonly key: string;
  readonly dropped: readonly string[];
  readonly rows: number;
  readonly wentOn: boolean;
}
