import { isVersionId } from '../../domain/identifiers.ts';
import type { Session } from './connection.ts';
import type { PostgresTarget } from './settings.ts';

interface Attributes {
  readonly superuser: boolean;
  readonly createdb: boolean;
  readonly replication: boolean;
  readonly bypassrls: boolean;
}

/** What the admin may do beyond the documented permissions. A superuser's other rights follow from that one. */
export async function excessRights(session: Session, target: PostgresTarget): Promise<readonly string[]> {
  const [attributes] = await session.query<Attributes>(
    `select rolsuper as superuser, rolcreatedb as createdb, rolreplication as replication, rolbypassrls as bypassrls
     from pg_catalog.pg_roles where rolname = current_user`,
  );
  if (attributes?.superuser === true) return ['it is a superuser'];
  const { group, pair = [] } = target.settings;
  const own = [group, ...pair, 'pg_signal_backend'];
  const granted = await session.query<{ readonly name: string; readonly usage: boolean }>(
    `select rolname as name, pg_catalog.pg_has_role(oid, 'usage') as usage
     from pg_catalog.pg_roles where pg_catalog.pg_has_role(oid, 'member') and rolname <> current_user order by rolname`,
  );
  // Where roles are made per version their maker is a member of each.
  const others = granted.filter(({ name }) => !own.includes(name) && !isVersionId(name)).map(({ name }) => name);
  const usesGroup = granted.some(({ name, usage }) => name === group && usage);
  const signals = granted.some(({ name, usage }) => name === 'pg_signal_backend' && usage);
  return [
    ...(attributes?.createdb === true ? ['it may create databases'] : []),
    ...(attributes?.replication === true ? ['it may read everything by replication'] : []),
    ...(attributes?.bypassrls === true ? ['it passes by row-level security'] : []),
    ...(others.length > 0 ? [`it is a member of ${others.slice(0, 10).join(', ')}`] : []),
    // Without pg_signal_backend a pair's sessions are ended by these very rights.
    ...(usesGroup && signals ? [`it uses the rights of ${group} itself: grant that role with inherit false`] : []),
  ];
}
