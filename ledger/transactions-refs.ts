import { canonical } from './canonical.ts';
import type { Ledger } from './ledger.ts';
import type { Store } from './store.ts';

/** What the provider shows of a version: a ref under its tag, a later end. */
export function refTransactions(store: Store): Pick<Ledger, 'refSeen' | 'extended'> {
  return {
    async refSeen({ version, ref }) {
      await store.write(async (transaction) => {
        const { credential, version: row } = await transaction.lockVersion(version);
        const known = await transaction.db
          .selectFrom('refs')
          .select('gone')
          .where('version', '=', version)
          .where('ref_key', '=', canonical(ref))
          .executeTakeFirst();
        if (known?.gone === 0 && row.dead_at === null) return;
        await transaction.append({ kind: 'ref.seen', credential: credential.id, version, body: { ref } });
      });
    },

    async extended({ version, expiresAt }) {
      await store.write(async (transaction) => {
        const { credential, version: row } = await transaction.lockVersion(version);
        if (row.expires_at === expiresAt) return;
        await transaction.append({ kind: 'version.extended', credential: credential.id, version, body: { expiresAt } });
      });
    },
  };
}
