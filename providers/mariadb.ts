/**
 * MariaDB and MySQL: one account for each version. What the servers can and cannot do, and in what they differ:
 * `docs/providers/mariadb.md`; all differences are in `mariadb/dialect.ts`.
 */
import { KeybatonError, codeOf } from '../domain/errors.ts';
import type { Ref } from '../domain/facts.ts';
import { isVersionId } from '../domain/identifiers.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import { versionTag } from '../domain/version-tag.ts';
import { endSessions, lockName, readAccounts, readOurs, sessionsOf } from './mariadb/accounts.ts';
import { asAdmin, onReplicas, withSession } from './mariadb/connection.ts';
import type { Session } from './mariadb/connection.ts';
import { end } from './mariadb/end.ts';
import type { Account } from './mariadb/dialect.ts';
import { verdictOf } from './mariadb/failures.ts';
import { issue } from './mariadb/issue.ts';
import { checkRights, excessRights } from './mariadb/rights.ts';
import { adviceOf, mariadbSettings, traitsOf } from './mariadb/settings.ts';
import type { MariadbSettings, MariadbTarget } from './mariadb/settings.ts';
import { accountText, killByHandText, unlockText } from './mariadb/statements.ts';
import type { Call, LiveCredential, Provider, Usage, Verdict } from './provider.ts';

type Abilities = Required<
  Pick<Provider<MariadbSettings>, 'generate' | 'issue' | 'suspend' | 'resume' | 'usage' | 'endSessions' | 'excess'>
>;

export function mariadb(): Provider<MariadbSettings> & Abilities {
  return {
    name: 'mariadb',
    settingsSchema: mariadbSettings,
    material: { fields: ['username', 'password'], value: 'password' },
    traits: traitsOf,
    advice: adviceOf,

    preflight: (target, { version }, call) =>
      asAdmin(target, call, async (session) => {
        await checkRights(session, target);
        const live = (await readAccounts(session, target)).filter((account) => isLive(target, account));
        const [clock] = await session.query<{ at: number }>('select floor(unix_timestamp(now(3)) * 1000) as at');
        return {
          place: session.dialect.nameOf(target.installation, version),
          live: live.map(({ name }) => name),
          at: Number(clock?.at ?? call.now()),
        };
      }),

    generate(target, request) {
      const { place, version } = request;
      // Where the name is the bare version id (MySQL), the account's comment says whose it is.
      const mark = isVersionId(place) ? { mark: versionTag(target.installation, version) } : {};
      const password = Buffer.from(request.random(32)).toString('base64url');
      return { ref: { id: place, ...mark }, material: new SecretMaterial({ username: place, password }, 'password') };
    },

    issue,
    verify,
    list: (target, call) =>
      asAdmin(target, call, async (session) =>
        (await readAccounts(session, target)).filter((account) => isLive(target, account)).map(listed),
      ),
    revoke: (target, ref, call) => end(target, ref, call, 'for ever'),
    suspend: (target, ref, call) => end(target, ref, call, 'for now'),

    resume: (target, ref, call) =>
      asAdmin(target, call, async (session) => {
        await lockName(session, ref.id, call);
        const accounts = await readOurs(session, target, ref);
        if (accounts.length === 0 || accounts.some(({ dead }) => dead))
          throw new KeybatonError('NOT_FOUND', `account ${ref.id} is gone: it cannot be resumed`);
        for (const account of accounts) await session.change(unlockText(accountText(account)));
      }),

    async endSessions(target, ref, call) {
      await onEveryHost(target, ref, call, (session) => endSessions(session, ref.id, call));
    },

    async usage(target, ref, call): Promise<Usage> {
      const open = await onEveryHost(target, ref, call, (session) => sessionsOf(session, ref.id));
      return { kind: 'sample', sessions: open.reduce((sum, { length }) => sum + length, 0) };
    },

    excess: (target, call) => asAdmin(target, call, (session) => excessRights(session, target)),
    killByHand: killByHandText,
  };
}

/** Sessions on the primary and on every listed host. NOT_FOUND when the account is gone: that is not "unused". */
async function onEveryHost<Answer>(
  target: MariadbTarget,
  ref: Ref,
  call: Call,
  act: (session: Session) => Promise<Answer>,
): Promise<readonly Answer[]> {
  const here = await asAdmin(target, call, async (session) => {
    const accounts = await readOurs(session, target, ref);
    if (!accounts.some(({ dead }) => !dead)) throw new KeybatonError('NOT_FOUND', `account ${ref.id} is gone`);
    return act(session);
  });
  return [here, ...(await onReplicas(target, call, act))];
}

/** Opens a new connection as a consumer would. */
async function verify(target: MariadbTarget, material: SecretMaterial, call: Call): Promise<Verdict> {
  const { settings } = target;
  let verdict: Verdict | undefined;
  const login = { material, database: settings.database };
  try {
    await withSession(
      settings,
      settings,
      login,
      call,
      (session) => session.query('select 1'),
      (thrown) => {
        verdict = verdictOf(thrown);
      },
    );
    return 'accepted';
  } catch (thrown) {
    if (verdict !== undefined) return verdict;
    // Here nobody is the admin: what is not a verdict is trouble on the way.
    if (codeOf(thrown) === 'ACCESS_DENIED')
      throw new KeybatonError(
        'INVALID_CONFIG',
        `the database at ${settings.host}:${settings.port} lets nobody in from here`,
      );
    throw thrown;
  }
}

/** Ours, or one that may use the target's database or role; whoever may use every database is an administrator. */
function isLive(target: MariadbTarget, { dead, inside, tag }: Account): boolean {
  return !dead && (inside || tag?.installation === target.installation);
}

function listed({ name, locked, tag }: Account): LiveCredential {
  const mark = tag !== undefined && isVersionId(name) ? { mark: versionTag(tag.installation, tag.version) } : {};
  return { ref: { id: name, ...mark }, ...(tag && { tag }), disabled: locked };
}
