import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import type { Ledger } from '../../ledger/ledger.ts';

/** What consumers should use now: the newest decided epoch and its version. Epoch 0: nothing was ever promoted. */
export interface Standing {
  readonly epoch: number;
  readonly version: VersionId | null;
}

export interface EpochWatch {
  standing(credential: CredentialId): Promise<Standing>;
  /** Calls back whenever a higher epoch than `after`, and than the last one told, stands; until the answer is called. */
  follow(credential: CredentialId, after: number, changed: (standing: Standing) => void): () => void;
  close(): void;
}

interface Follower {
  told: number;
  readonly changed: (standing: Standing) => void;
}

/**
 * Asks the ledger at an interval, once per followed credential however many follow it: epochs are decided by workers,
 * which are other processes. While the ledger is down nobody hears anything, since nothing can have been decided.
 */
export function watchEpochs(ledger: Ledger, interval: number): EpochWatch {
  const followed = new Map<CredentialId, Set<Follower>>();
  let timer: NodeJS.Timeout | undefined;
  let asking = false;

  async function standing(credential: CredentialId): Promise<Standing> {
    const newest = (await ledger.facts(credential)).epochs[0];
    return newest === undefined ? { epoch: 0, version: null } : { epoch: newest.epoch, version: newest.version };
  }

  async function askAll(): Promise<void> {
    if (asking) return;
    asking = true;
    for (const [credential, followers] of followed) {
      try {
        tell(followers, await standing(credential));
      } catch {
        // Asked again at the next interval; streams stay open meanwhile.
      }
    }
    asking = false;
  }

  function tell(followers: ReadonlySet<Follower>, now: Standing): void {
    for (const follower of [...followers]) {
      if (now.epoch <= follower.told) continue;
      follower.told = now.epoch;
      follower.changed(now);
    }
  }

  function stopWhenIdle(): void {
    if (followed.size > 0 || timer === undefined) return;
    clearInterval(timer);
    timer = undefined;
  }

  return {
    standing,
    follow(credential, after, changed) {
      const followers = followed.get(credential) ?? new Set();
      const follower = { told: after, changed };
      followed.set(credential, followers.add(follower));
      if (timer === undefined) {
        timer = setInterval(() => void askAll(), interval);
        timer.unref();
      }
      return () => {
        followers.delete(follower);
        if (followers.size === 0 && followed.get(credential) === followers) followed.delete(credential);
        stopWhenIdle();
      };
    },
    close() {
      followed.clear();
      stopWhenIdle();
    },
  };
}
