import type { Database } from '../demo/database.ts';
import type { ModelProvider } from '../demo/model-provider.ts';

/** A key that lets somebody in now, and bears our mark: told by the provider itself. */
export interface LiveKey {
  readonly version: string;
  readonly place: string;
}

const mark = /^[a-z0-9]{4,12}:(kb[a-z0-9]{30})$/;

/** Asked past keybaton: the server's own catalogue, and the stand-in's own books. */
export async function liveKeys(database: Database, models: ModelProvider): Promise<readonly LiveKey[]> {
  const logins = await database.sql<{ name: string; mark: string | null }>(
    `select rolname as name, shobj_description(oid, 'pg_authid') as mark from pg_roles
     where rolcanlogin and rolname ~ '^(shop|till)_[ab]$'`,
  );
  const keys = await models.liveKeys();
  return [
    // A login of the pair that is open and bears no mark of a living version is nobody's: it is told as it is.
    ...logins.map(({ name, mark: text }) => ({ place: name, version: mark.exec(text ?? '')?.[1] ?? 'no version' })),
    ...keys.flatMap(({ id, name }) => {
      const version = mark.exec(name)?.[1];
      return version === undefined ? [] : [{ version, place: id }];
    }),
  ];
}
