import { KeybatonError, codeOf, isKeybatonError } from '../domain/errors.ts';
import type { Ref } from '../domain/facts.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import type { Call, LiveCredential, Provider } from './provider.ts';
import { refuseIfTooLate, withSession } from './redis/connection.ts';
import type { Session } from './redis/connection.ts';
import { replyCode, verdictOf } from './redis/failures.ts';
import { checkPersistence, checkRights, excessRights } from './redis/preflight.ts';
import { adviceOf, nodesOf, redisSettings, traitsOf } from './redis/settings.ts';
import type { Node, RedisSettings, RedisTarget } from './redis/settings.ts';
import { countConnections, endConnections, findUser, nameOf, persist, rulesOf, tagOf, usersOf } from './redis/users.ts';

type Abilities = Required<
  Pick<Provider<RedisSettings>, 'issue' | 'generate' | 'suspend' | 'resume' | 'usage' | 'endSessions' | 'excess'>
>;

/**
 * Redis (and Valkey): one user per version, named by it. A user without a password and without rights is what a revoked
 * version leaves, so that a late `issue` finds it. What redis can and cannot do: `docs/providers/redis.md`.
 */
export function redis(): Provider<RedisSettings> & Abilities {
  return {
    name: 'redis',
    settingsSchema: redisSettings,
    material: { fields: ['username', 'password'], value: 'password' },
    traits: traitsOf,
    advice: adviceOf,

    async preflight(target, request, call) {
      const onNodes = await onEveryNode(target, call, async (session) => {
        await checkRights(session, target);
        await checkPersistence(session, target);
        return usersOf(session, target.settings);
      });
      const live = onNodes.flat().filter((user) => !user.dead);
      return {
        place: nameOf(target, request.version),
        live: [...new Set(live.map(({ name }) => name))],
        at: call.now(),
      };
    },

    generate: (_target, request) => {
      const { place } = request;
      const password = Buffer.from(request.random(32)).toString('base64url');
      return { ref: { id: place }, material: new SecretMaterial({ username: place, password }, 'password') };
    },

    async issue(target, { version, place, generated }, call) {
      if (generated === undefined || generated.ref.id !== place || place !== nameOf(target, version)) {
        throw new KeybatonError(
          'INVALID_CONFIG',
          'redis sets only a value that was generated for the user of this version and staged before',
        );
      }
      const rules = rulesOf(target.settings, generated.material.revealValue());
      await onEveryNode(
        target,
        call,
        async (session) => {
          if ((await findUser(session, target.settings, place))?.dead === true)
            throw new KeybatonError('CONFLICT', `version ${version} has been revoked at redis`);
          await setUser(session, place, rules);
          await persist(session, target.settings);
        },
        'changes',
      );
      return { ref: generated.ref, material: generated.material };
    },

    /** Logs in as a consumer does. Nodes that disagree: whoever is let in somewhere is alive. */
    async verify(target, material, call) {
      const verdicts = await Promise.all(
        nodesOf(target.settings).map((node) => verdictAt(target.settings, node, material, call)),
      );
      return (['accepted', 'forbidden'] as const).find((verdict) => verdicts.includes(verdict)) ?? 'refused';
    },

    async list(target, call): Promise<readonly LiveCredential[]> {
      const users = (await onEveryNode(target, call, (session) => usersOf(session, target.settings))).flat();
      const names = [...new Set(users.filter(({ dead }) => !dead).map(({ name }) => name))];
      return names.map((name) => {
        const tag = tagOf(target.settings, name);
        // Let in at one node is let in.
        const disabled = !users.some((user) => user.name === name && !user.dead && user.on);
        return { ref: { id: name }, disabled, ...(tag !== undefined && { tag }) };
      });
    },

    /** `reset` takes passwords, rights and the right to log in at once; a user that is not there becomes a dead one. */
    revoke: (target, ref, call) => change(target, ref, call, ['reset'], 'and end connections'),
    suspend: (target, ref, call) => change(target, ref, call, ['off'], 'and end connections'),

    async resume(target, ref, call) {
      const there = await onEveryNode(target, call, (session) => findUser(session, target.settings, ref.id));
      if (!isOurs(target, ref) || there.some((user) => user === undefined || user.dead))
        throw new KeybatonError('NOT_FOUND', `user ${ref.id} is gone: it cannot be resumed`);
      await change(target, ref, call, ['on']);
    },

    async endSessions(target, ref, call) {
      if (!isOurs(target, ref)) return;
      await onEveryNode(target, call, (session) => endConnections(session, ref.id, call));
    },

    async usage(target, ref, call) {
      const counts = await onEveryNode(target, call, async (session) => {
        const user = await findUser(session, target.settings, ref.id);
        if (user === undefined || user.dead) throw new KeybatonError('NOT_FOUND', `user ${ref.id} is gone`);
        return countConnections(session, ref.id);
      });
      return { kind: 'sample', sessions: counts.reduce((sum, open) => sum + open, 0) };
    },

    async excess(target, call) {
      const found = await onEveryNode(target, call, (session) => excessRights(session, target));
      return [...new Set(found.flat())];
    },

    killByHand: ({ settings }, ref) =>
      nodesOf(settings)
        .map(({ host, port }) => {
          const tls = settings.tls === 'off' ? '' : ' --tls';
          const save = { 'acl-save': '\nacl save', 'config-rewrite': '\nconfig rewrite', 'by-hand': '' }[
            settings.persist
          ];
          return `redis-cli -h ${host} -p ${port}${tls} --user <an admin> --askpass <<'END'\nacl setuser ${ref.id} reset\nclient kill user ${ref.id}${save}\nEND`;
        })
        .join('\n'),
  };
}

/** Asks all nodes, and fails when one of them fails, but only after every one has been asked: a kill reaches all it can. */
async function onEveryNode<Answer>(
  target: RedisTarget,
  call: Call,
  act: (session: Session) => Promise<Answer>,
  how: 'only looks' | 'changes' = 'only looks',
): Promise<readonly Answer[]> {
  refuseIfTooLate(call);
  const admin = await target.admin();
  const ends = await Promise.allSettled(
    nodesOf(target.settings).map((node) => withSession(target.settings, node, admin, call, act)),
  );
  const failures = ends.filter((end) => end.status === 'rejected').map((end): unknown => end.reason);
  const answers = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
  if (failures.length === 0) return answers;
  const first = failures.find((one) => codeOf(one) === 'AMBIGUOUS') ?? failures[0];
  if (how === 'only looks' || answers.length === 0 || codeOf(first) !== 'UNAVAILABLE') throw first;
  throw new KeybatonError('AMBIGUOUS', `done at ${answers.length} of ${ends.length} nodes: ${messageOf(first)}`);
}

/** One command and its consequences, at every node. Saved even when nothing changed: an earlier call may have failed to. */
async function change(
  target: RedisTarget,
  ref: Ref,
  call: Call,
  rules: readonly string[],
  more?: 'and end connections',
): Promise<void> {
  const ours = isOurs(target, ref);
  await onEveryNode(
    target,
    call,
    async (session) => {
      // What we never named is not ours to end, and not there.
      if (!ours) return void (await session.ask('PING'));
      await setUser(session, ref.id, rules);
      if (more !== undefined) await endConnections(session, ref.id, call);
      await persist(session, target.settings);
    },
    'changes',
  );
}

const messageOf = (thrown: unknown): string => (isKeybatonError(thrown) ? thrown.message : 'no answer');

const isOurs = (target: RedisTarget, ref: Ref): boolean =>
  tagOf(target.settings, ref.id)?.installation === target.installation;

async function setUser(session: Session, name: string, rules: readonly string[]): Promise<void> {
  try {
    await session.tell('ACL', 'SETUSER', name, ...rules);
  } catch (thrown) {
    if (replyCode(thrown) !== 'ERR') throw thrown;
    throw new KeybatonError(
      'INVALID_CONFIG',
      `redis at ${session.node.host}:${session.node.port} does not know one of the rules in keys, channels or commands; nothing was made`,
    );
  }
}

async function verdictAt(settings: RedisSettings, node: Node, material: SecretMaterial, call: Call) {
  let verdict: ReturnType<typeof verdictOf>;
  const seen = (thrown: unknown): void => void (verdict = verdictOf(thrown));
  try {
    await withSession(settings, node, material, call, (session) => session.ask('PING'), seen);
    return 'accepted';
  } catch (thrown) {
    if (verdict === undefined) throw thrown;
    return verdict;
  }
}
