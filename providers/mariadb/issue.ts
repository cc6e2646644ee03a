import { KeybatonError } from '../../domain/errors.ts';
import { versionTag } from '../../domain/version-tag.ts';
import type { Call, IssueRequest, Issued } from '../provider.ts';
import { lockName, readNamed } from './accounts.ts';
import { asAdmin } from './connection.ts';
import type { Session } from './connection.ts';
import { privilegesOf } from './settings.ts';
import type { MariadbTarget } from './settings.ts';
import { accountText, databasePattern, literal } from './statements.ts';

/** Makes the account of this version with the staged password, then gives it its rights. The same again changes nothing. */
export async function issue(target: MariadbTarget, request: IssueRequest, call: Call): Promise<Issued> {
  const { generated, place, version } = request;
  if (generated === undefined || generated.ref.id !== place)
    throw new KeybatonError(
      'INVALID_CONFIG',
      'mariadb sets only a value that was generated for this account and staged',
    );
  await asAdmin(target, call, async (session) => {
    if (place !== session.dialect.nameOf(target.installation, version))
      throw new KeybatonError('CONFLICT', `${target.name} points elsewhere than when the rotation was planned`);
    await lockName(session, place, call);
    const found = await readNamed(session, target, place);
    refuseTheDead(found, place);
    const account = { name: place, host: found[0]?.host ?? target.settings.from };
    await session.change(accountWith(session, target, request, accountText(account), found.length > 0));
    for (const text of grants(session, target, accountText(account))) await session.change(text);
  });
  return { ref: generated.ref, material: generated.material };
}

function refuseTheDead(found: readonly { readonly locked: boolean; readonly dead: boolean }[], name: string): void {
  if (found.some(({ dead }) => dead)) throw new KeybatonError('CONFLICT', `account ${name} has been revoked`);
  if (found.some(({ locked }) => locked))
    throw new KeybatonError('CONFLICT', `account ${name} is suspended: issuing again must not bring it back`);
}

function accountWith(
  session: Session,
  target: MariadbTarget,
  { generated, version }: IssueRequest,
  account: string,
  exists: boolean,
): string {
  const { dialect } = session;
  const identified = dialect.identified(generated?.material.revealValue() ?? '');
  const encrypted = target.settings.tls === 'off' ? '' : ' require ssl';
  const tagged = exists ? '' : dialect.tagged(versionTag(target.installation, version));
  return `${exists ? 'alter' : 'create'} user ${account} ${identified}${encrypted}${tagged}`;
}

function grants(session: Session, { settings }: MariadbTarget, account: string): readonly string[] {
  const { role, database } = settings;
  if (role === undefined)
    return [`grant ${privilegesOf(settings).join(', ')} on ${databasePattern(database)} to ${account}`];
  return [`grant ${literal(role)} to ${account}`, session.dialect.defaultRoleText(role, account)];
}
