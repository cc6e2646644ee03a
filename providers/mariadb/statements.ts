import { KeybatonError } from '../../domain/errors.ts';
import type { Ref } from '../../domain/facts.ts';
import type { MariadbTarget } from './settings.ts';

/** A text in quotes. What would need escaping is refused: how to escape depends on the server's mode. */
export function literal(text: string): string {
  if (!/^[\x20-\x7e]*$/.test(text) || /['"`\\]/.test(text))
    throw new KeybatonError(
      'INVALID_CONFIG',
      'a database account or role has a name with quotes or other special signs',
    );
  return `'${text}'`;
}

export const accountText = ({ name, host }: { readonly name: string; readonly host: string }): string =>
  `${literal(name)}@${literal(host)}`;

/** The database in a grant: there `_` and `%` stand for any sign, unless escaped. */
export const databasePattern = (database: string): string => `\`${database.replace(/[_%]/g, '\\$&')}\`.*`;

export const lockText = (account: string): string => `alter user ${account} account lock`;
export const unlockText = (account: string): string => `alter user ${account} account unlock`;

/** For the person at 3 a.m. Another version has another name, so nothing else can be hit. */
export function killByHandText({ settings }: MariadbTarget, ref: Ref): string {
  const account = accountText({ name: ref.id, host: settings.from });
  return [
    `account ${ref.id} at ${settings.host}:${settings.port}`,
    `mariadb -h ${settings.host} -P ${settings.port} -u <an admin> -p <<'SQL'`,
    `${lockText(account)};`,
    ref.mark === undefined
      ? `kill user ${literal(ref.id)};`
      : `-- MySQL ends sessions one by one: run what this prints\nselect concat('kill ', id, ';') from performance_schema.processlist where user = ${literal(ref.id)};`,
    `drop user ${account};`,
    'SQL',
  ].join('\n');
}
