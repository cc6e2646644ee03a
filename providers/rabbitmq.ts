import { setTimeout as pause } from 'node:timers/promises';
import { KeybatonError, codeOf } from '../domain/errors.ts';
import type { Ref } from '../domain/facts.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import type { Call, Provider } from './provider.ts';
import { rabbitMqApi } from './rabbitmq/api.ts';
import type { RabbitMqApi } from './rabbitmq/api.ts';
import { adviceOf, rabbitMqSettings, traitsOf } from './rabbitmq/settings.ts';
import type { RabbitMqSettings, RabbitMqTarget } from './rabbitmq/settings.ts';
import { nameOf, passwordHash, tagOf } from './rabbitmq/users.ts';
import { verify } from './rabbitmq/verify.ts';

type Abilities = Required<Pick<Provider<RabbitMqSettings>, 'issue' | 'generate' | 'usage' | 'endSessions' | 'excess'>>;

/**
 * RabbitMQ: one user per version, named by it. A revoked version leaves a user without password and rights, so that a
 * late `issue` finds it. What RabbitMQ can and cannot do: `docs/providers/rabbitmq.md`.
 */
export function rabbitMq(): Provider<RabbitMqSettings> & Abilities {
  return {
    name: 'rabbitmq',
    settingsSchema: rabbitMqSettings,
    material: { fields: ['username', 'password'], value: 'password' },
    traits: traitsOf,
    advice: adviceOf,

    async preflight(target, request, call) {
      const api = await rabbitMqApi(target, call);
      if (!(await api.whoAmI()).includes('administrator')) {
        throw new KeybatonError(
          'ACCESS_DENIED',
          'the admin user lacks the tag administrator, without which rabbitmq lets nobody make users',
        );
      }
      if (!(await api.vhostExists()))
        throw new KeybatonError('INVALID_CONFIG', `rabbitmq has no vhost ${target.settings.vhost}`);
      const live = (await api.users()).filter(({ open }) => open).map(({ name }) => name);
      return { place: nameOf(target, request.version), live, at: call.now() };
    },

    generate: (_target, request) => {
      const { place } = request;
      const password = Buffer.from(request.random(32)).toString('base64url');
      return { ref: { id: place }, material: new SecretMaterial({ username: place, password }, 'password') };
    },

    /** Its password comes last: until then nobody can log in with half of the rights. */
    async issue(target, { version, place, generated }, call) {
      if (generated === undefined || generated.ref.id !== place || place !== nameOf(target, version)) {
        throw new KeybatonError(
          'INVALID_CONFIG',
          'rabbitmq sets only a value that was generated for the user of this version and staged before',
        );
      }
      const api = await rabbitMqApi(target, call);
      const there = await api.user(place);
      if (there?.dead === true) throw new KeybatonError('CONFLICT', `version ${version} has been revoked at rabbitmq`);
      if (there === undefined) await api.lock(place, 'new');
      await api.permit(place);
      await api.open(place, passwordHash(generated.material.revealValue(), call.random(4)));
      return { ref: generated.ref, material: generated.material };
    },

    verify,

    async list(target, call) {
      const open = (await (await rabbitMqApi(target, call)).users()).filter((user) => user.open);
      return open.map(({ name }) => {
        const tag = tagOf(target.settings, name);
        return { ref: { id: name }, disabled: false, ...(tag !== undefined && { tag }) };
      });
    },

    async revoke(target, ref, call) {
      const api = await rabbitMqApi(target, call);
      // What we never named is not ours to end, and not there.
      if (!isOurs(target, ref)) return void (await api.whoAmI());
      await api.remove(ref.id);
      await begun(ref, async () => {
        await api.lock(ref.id, 'dead');
        await endConnections(api, ref, call);
      });
    },

    async endSessions(target, ref, call) {
      const api = await rabbitMqApi(target, call);
      if (!isOurs(target, ref)) return void (await api.whoAmI());
      await endConnections(api, ref, call);
    },

    async usage(target, ref, call) {
      const api = await rabbitMqApi(target, call);
      if ((await api.user(ref.id))?.open !== true) throw new KeybatonError('NOT_FOUND', `user ${ref.id} is gone`);
      return { kind: 'sample', sessions: await api.connections(ref.id) };
    },

    async excess(target, call) {
      const vhosts = await (await rabbitMqApi(target, call)).ownVhosts();
      return vhosts.map((vhost) => `it may use vhost ${vhost} itself`);
    },

    killByHand: ({ settings }, ref) =>
      [
        `user ${ref.id} of vhost ${settings.vhost}: ${settings.url}/#/users, or on a node:`,
        `rabbitmqctl delete_user '${ref.id.replace(/[^\w-]/g, '')}'`,
      ].join('\n'),
  };
}

const isOurs = (target: RabbitMqTarget, ref: Ref): boolean =>
  tagOf(target.settings, ref.id)?.installation === target.installation;

/** Until none is left: none on two looks, since one that has just logged in shows late. */
async function endConnections(api: RabbitMqApi, ref: Ref, call: Call): Promise<void> {
  for (let quiet = 0; ;) {
    quiet = (await api.connections(ref.id)) === 0 ? quiet + 1 : 0;
    if (quiet === 2) return;
    if (quiet === 0) await api.closeConnections(ref.id);
    await pause(40, undefined, { signal: call.signal }).catch(() => {
      throw new KeybatonError('UNAVAILABLE', `user ${ref.id} still has connections; it is tried again`);
    });
  }
}

/** The user is gone already: what fails from here on leaves the rest in doubt. */
async function begun(ref: Ref, rest: () => Promise<void>): Promise<void> {
  try {
    await rest();
  } catch (thrown) {
    if (codeOf(thrown) !== 'UNAVAILABLE') throw thrown;
    throw new KeybatonError('AMBIGUOUS', `user ${ref.id} is removed, but its end is not complete; it is tried again`);
  }
}
