import type { Ref } from '../../domain/facts.ts';
import type { Call } from '../provider.ts';
import { refuseIfTooLate, withSession } from './connection.ts';
import type { Endpoint, Session } from './connection.ts';
import { readRole, standing } from './roles.ts';
import type { PostgresRolesSettings, PostgresTarget } from './settings.ts';

/** A session of the admin on the primary. */
export async function asAdmin<Answer>(
  target: PostgresTarget,
  call: Call,
  act: (session: Session) => Promise<Answer>,
): Promise<Answer> {
  refuseIfTooLate(call);
  const { host, port, adminDatabase } = target.settings;
  return withSession(target.settings, { host, port, database: adminDatabase }, await target.admin(), call, act);
}

/** Sessions of this generation on the primary and on every listed host. `gone`: the role holds another generation now. */
export async function onEveryHost<Answer>(
  target: PostgresTarget,
  ref: Ref,
  call: Call,
  act: (session: Session) => Promise<Answer>,
): Promise<readonly Answer[] | 'gone'> {
  const here = await asAdmin(target, call, async (session) => {
    const found = standing(target, await readRole(session, ref.id), ref);
    return found === 'alive' ? { answer: await act(session) } : 'gone';
  });
  return here === 'gone' ? here : [here.answer, ...(await onReplicas(target, call, act))];
}

export async function onReplicas<Answer>(
  target: PostgresTarget,
  call: Call,
  act: (session: Session) => Promise<Answer>,
): Promise<readonly Answer[]> {
  const admin = await target.admin();
  const endpoint = (host: PostgresRolesSettings['hosts'][number]): Endpoint => ({
    ...host,
    database: target.settings.adminDatabase,
  });
  return Promise.all(
    target.settings.hosts.map((host) => withSession(target.settings, endpoint(host), admin, call, act)),
  );
}
