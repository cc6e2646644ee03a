import { escapeIdentifier, escapeLiteral } from 'pg';
import type { Ref } from '../../domain/facts.ts';
import type { PostgresTarget } from './settings.ts';

/** Ends every session of a role and tells of each; our own session is never one of them. */
export const endSessionsText =
  'select pid, pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity where usename = $1 and pid <> pg_catalog.pg_backend_pid()';

export const nologinText = (role: string): string => `alter role ${escapeIdentifier(role)} nologin`;
export const loginText = (role: string): string => `alter role ${escapeIdentifier(role)} login`;
export const markText = (role: string, mark: string): string =>
  `comment on role ${escapeIdentifier(role)} is ${escapeLiteral(mark)}`;

export interface Issue {
  readonly role: string;
  readonly exists: boolean;
  readonly group: string;
  readonly verifier: string;
  readonly mark: string;
}

/** The whole of a version in one transaction. The same statements again change nothing but the salt. */
export function issueTexts(issue: Issue): readonly string[] {
  const role = escapeIdentifier(issue.role);
  return [
    `${issue.exists ? 'alter' : 'create'} role ${role} with login password ${escapeLiteral(issue.verifier)} valid until 'infinity'`,
    `grant ${escapeIdentifier(issue.group)} to ${role}`,
    // What a consumer creates belongs to the group, so that the next login can use it.
    `alter role ${role} set role to ${escapeLiteral(issue.group)}`,
    markText(issue.role, issue.mark),
  ];
}

/** The end of a version: no password fits any more, and the tombstone tells a late `issue` to do nothing. */
export function buryTexts(ref: Ref): readonly string[] {
  const role = escapeIdentifier(ref.id);
  return [`alter role ${role} with nologin password null`, markText(ref.id, `${ref.mark ?? ''}:dead`)];
}

/** For the person at 3 a.m.: stops at once if the role holds another version by now. */
export function killByHandText(target: PostgresTarget, ref: Ref): string {
  const { host, port, adminDatabase } = target.settings;
  const name = escapeLiteral(ref.id);
  return [
    `psql -h ${host} -p ${port} -d ${adminDatabase} -U <an admin of role ${ref.id}> -v ON_ERROR_STOP=1 <<'SQL'`,
    `do $check$ begin`,
    `  if (select pg_catalog.shobj_description(oid, 'pg_authid') from pg_catalog.pg_roles where rolname = ${name}) is distinct from ${escapeLiteral(ref.mark ?? '')} then`,
    `    raise exception 'this role does not hold the version to be killed: stop and look';`,
    `  end if;`,
    `end $check$;`,
    `${nologinText(ref.id)};`,
    `select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity where usename = ${name};`,
    ...buryTexts(ref).map((text) => `${text};`),
    'SQL',
  ].join('\n');
}
