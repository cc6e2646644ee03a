import { KeybatonError, codeOf } from '../../domain/errors.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import type { Call, Verdict } from '../provider.ts';
import { withSession } from './connection.ts';
import { verdictOf } from './failures.ts';
import type { PostgresTarget } from './settings.ts';

/** Opens a new connection as a consumer would. */
export async function verify(target: PostgresTarget, material: SecretMaterial, call: Call): Promise<Verdict> {
  const { host, port, database } = target.settings;
  let verdict: Verdict | undefined;
  const seen = (thrown: unknown): void => {
    verdict = verdictOf(thrown);
  };
  try {
    await withSession(
      target.settings,
      { host, port, database },
      material,
      call,
      (session) => session.query('select 1'),
      seen,
    );
    return 'accepted';
  } catch (thrown) {
    if (verdict !== undefined) return verdict;
    // Here nobody is the admin: what is not a verdict is trouble on the way.
    if (codeOf(thrown) === 'ACCESS_DENIED') {
      throw new KeybatonError(
        'INVALID_CONFIG',
        `postgresql at ${host}:${port} lets nobody in from here: check pg_hba.conf`,
      );
    }
    throw thrown;
  }
}
