import type { Backend } from '../../backends/backend.ts';
import { holdsValue, renderFields } from '../../backends/fields.ts';
import type { InMemoryWorld } from '../../backends/in-memory/world.ts';
import { codeOf, KeybatonError } from '../../domain/errors.ts';

/** A sound backend with one promise of the contract broken. */
export interface BrokenBackend {
  readonly how: string;
  readonly breakIt: (sound: Backend, world: InMemoryWorld) => Backend;
  /** The tests of the kit that must fail, at least. */
  readonly caughtBy: readonly string[];
}

const patient = { signal: new AbortController().signal, deadline: Number.MAX_SAFE_INTEGER, now: () => 0 };

export const brokenBackends: readonly BrokenBackend[] = [
  {
    how: 'stages where consumers read',
    breakIt: (sound, world) => ({
      ...sound,
      async stage(place, envelope, call) {
        await sound.stage(place, envelope, call);
        world.writeByHand(place.path, renderFields(place.fields, envelope.material));
      },
    }),
    caughtBy: ['a staged version is out of reach of consumers until it is promoted'],
  },
  {
    how: 'lets a second stage replace the first',
    breakIt: (sound, world) => ({
      ...sound,
      async stage(place, envelope, call) {
        world.shelf(place.path).staged.delete(envelope.version);
        await sound.stage(place, envelope, call);
      },
    }),
    caughtBy: [
      'stage of the same version with another value is CONFLICT and keeps the first',
      'two stages of one version at once with different values leave one of them',
    ],
  },
  {
    how: 'refuses to stage the same value again',
    breakIt: (sound, world) => ({
      ...sound,
      async stage(place, envelope, call) {
        if (world.shelf(place.path).staged.has(envelope.version)) throw new KeybatonError('CONFLICT', 'staged already');
        await sound.stage(place, envelope, call);
      },
    }),
    caughtBy: [
      'stage of the same version and value again changes nothing',
      'a stage whose answer was lost is repeated without harm',
    ],
  },
  {
    how: 'forgets fields that are not ours',
    breakIt: (sound, world) => ({
      ...sound,
      async promote(place, promotion, call) {
        await sound.promote(place, promotion, call);
        const ours = [...Object.keys(place.fields ?? {}), 'keybaton_version', 'keybaton_epoch'];
        const { generations } = world.shelf(place.path);
        const kept = Object.entries(generations.at(-1) ?? {}).filter(([name]) => ours.includes(name));
        generations.push(Object.fromEntries(kept));
      },
    }),
    caughtBy: ['promote carries over fields that are not ours'],
  },
  {
    how: 'carries over the foreign fields of the time of staging',
    breakIt: (sound, world) => {
      const remembered = new Map<string, unknown>();
      return {
        ...sound,
        async stage(place, envelope, call) {
          await sound.stage(place, envelope, call);
          remembered.set(envelope.version, world.main(place.path)?.['REGION']);
        },
        async promote(place, promotion, call) {
          await sound.promote(place, promotion, call);
          world.writeByHand(place.path, { REGION: remembered.get(promotion.version) });
        },
      };
    },
    caughtBy: ['promote carries over a foreign field as it is at that moment, also on a roll-back'],
  },
  {
    how: 'promotes without looking at what stands there',
    breakIt: (sound, world) => ({
      ...sound,
      async promote(place, promotion, call) {
        const staged = world.shelf(place.path).staged.get(promotion.version);
        if (staged === undefined) throw new KeybatonError('NOT_FOUND', 'not staged');
        call.signal.throwIfAborted();
        world.writeByHand(place.path, {
          ...renderFields(place.fields, staged.material),
          keybaton_version: promotion.version,
          keybaton_epoch: String(promotion.epoch),
        });
      },
    }),
    caughtBy: [
      'promote is CONFLICT when a higher epoch stands there',
      'promote is CONFLICT when the same epoch stands there with another version',
      'promote is CONFLICT when an unexpected version stands there',
      'promote never writes over a value that is not ours',
      'promote never writes over our version with one field changed by hand',
      'promote takes over what was written by hand where it is the same value, and nothing else',
      'of two promotions at once under one epoch one wins and the other is CONFLICT',
      'nothing is written after the deadline',
    ],
  },
  {
    how: 'calls the retry of a promote a conflict',
    breakIt: (sound, world) => ({
      ...sound,
      async promote(place, promotion, call) {
        if (world.main(place.path)?.['keybaton_epoch'] === String(promotion.epoch)) {
          throw new KeybatonError('CONFLICT', 'this epoch has been promoted');
        }
        await sound.promote(place, promotion, call);
      },
    }),
    caughtBy: [
      'promote of the same version and epoch again changes nothing',
      'a promote whose answer was lost is repeated without harm',
    ],
  },
  {
    how: 'believes the mark alone',
    breakIt: (sound, world) => ({
      ...sound,
      async describe(place, call) {
        const described = await sound.describe(place, call);
        const main = world.main(place.path);
        const version = described.staged.find((one) => one === main?.['keybaton_version']);
        if (version === undefined) return described;
        return { ...described, main: { kind: 'ours', version, epoch: Number(main?.['keybaton_epoch']) } };
      },
    }),
    caughtBy: [
      'describe says foreign when one mapped field was changed and the mark stayed',
      'describe says foreign when the mark was changed and the fields stayed',
    ],
  },
  {
    how: 'puts material into describe',
    breakIt: (sound, world) => ({
      ...sound,
      async describe(place, call) {
        const described = await sound.describe(place, call);
        return { ...described, hint: world.main(place.path)?.['PASSWORD'] };
      },
    }),
    caughtBy: ['describe never holds material'],
  },
  {
    how: 'reads trouble as absence',
    breakIt: (sound) => ({
      ...sound,
      read: (place, which, call) =>
        sound.read(place, which, call).catch(() => Promise.reject(new KeybatonError('NOT_FOUND', 'not there'))),
      describe: (place, call) => sound.describe(place, call).catch(() => ({ main: { kind: 'empty' }, staged: [] })),
    }),
    caughtBy: [
      'a backend that does not answer is UNAVAILABLE in every operation, never absent',
      'a refused admin credential is ACCESS_DENIED in every operation, never absent',
    ],
  },
  {
    how: 'destroys the staged copy alone',
    breakIt: (sound, world) => ({
      ...sound,
      async destroy(place, version, call) {
        const kept = [...world.shelf(place.path).generations];
        await sound.destroy(place, version, call);
        world.shelf(place.path).generations = kept;
      },
    }),
    caughtBy: ['destroy erases every copy: the staged one and every older generation'],
  },
  {
    how: 'forgets the copies that foreign writes made',
    breakIt: (sound, world) => ({
      ...sound,
      async destroy(place, version, call) {
        const value = world.shelf(place.path).staged.get(version)?.material.revealValue() ?? '';
        const patched = world
          .shelf(place.path)
          .generations.filter((stored) => stored['REGION'] === 'eu-west-1' && holdsValue(stored, value));
        await sound.destroy(place, version, call);
        world.shelf(place.path).generations.unshift(...patched);
      },
    }),
    caughtBy: ['destroy erases the copies that foreign writes made of an older generation'],
  },
  {
    how: 'destroys what consumers read',
    breakIt: (sound, world) => ({
      ...sound,
      async destroy(place, version, call) {
        if (world.main(place.path)?.['keybaton_version'] === version) world.shelf(place.path).generations = [];
        await sound.destroy(place, version, call);
      },
    }),
    caughtBy: ['destroy refuses what consumers read now'],
  },
  {
    how: 'knows no destroy of what is gone',
    breakIt: (sound, world) => ({
      ...sound,
      async destroy(place, version, call) {
        if (!world.shelf(place.path).staged.has(version)) throw new KeybatonError('NOT_FOUND', 'gone already');
        await sound.destroy(place, version, call);
      },
    }),
    caughtBy: ['destroy again, and of a version never seen, is success'],
  },
  {
    how: 'ignores the deadline and the signal',
    breakIt: (sound) => ({
      ...sound,
      stage: (place, envelope) => sound.stage(place, envelope, patient),
      promote: (place, promotion) => sound.promote(place, promotion, patient),
      destroy: (place, version) => sound.destroy(place, version, patient),
    }),
    caughtBy: ['nothing is written after the deadline', 'nothing is written for a caller that has gone'],
  },
  {
    how: 'puts the value into a cause of a cause, base64-encoded',
    breakIt: (sound) => ({
      ...sound,
      stage: (place, envelope, call) =>
        sound.stage(place, envelope, call).catch((reason: unknown) => {
          const body = Buffer.from(JSON.stringify(envelope.material.reveal())).toString('base64');
          const cause = new Error('bad answer', { cause: { response: { body } } });
          throw new KeybatonError(codeOf(reason), 'could not stage', { cause });
        }),
    }),
    caughtBy: ['stage of the same version with another value is CONFLICT and keeps the first'],
  },
  {
    how: 'prints what it stages',
    breakIt: (sound) => ({
      ...sound,
      stage(place, envelope, call) {
        // What some clients do when DEBUG is set.
        process.stderr.write(`write ${JSON.stringify(envelope.material.reveal())}\n`);
        return sound.stage(place, envelope, call);
      },
    }),
    caughtBy: ['stage keeps the whole envelope, and read gives it back'],
  },
  {
    how: 'leaves the canary of a probe behind',
    breakIt: (sound, world) => ({
      ...sound,
      async probe(place, call) {
        await sound.probe(place, call);
        world.writeByHand(place.path, { keybaton_probe: 'here' });
      },
    }),
    caughtBy: ['probe succeeds where staging can, and leaves nothing behind'],
  },
  {
    how: 'mixes the versions of two places',
    breakIt: (sound) => {
      const one = <P extends { path: string }>(place: P): P => ({ ...place, path: place.path.replace('/below', '') });
      return {
        ...sound,
        stage: (place, ...rest) => sound.stage(one(place), ...rest),
        promote: (place, ...rest) => sound.promote(one(place), ...rest),
        read: (place, ...rest) => sound.read(one(place), ...rest),
        describe: (place, ...rest) => sound.describe(one(place), ...rest),
      };
    },
    caughtBy: ['places beside and below each other do not mix'],
  },
];
