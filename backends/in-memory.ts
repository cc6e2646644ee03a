import { z } from 'zod';
import { KeybatonError } from '../domain/errors.ts';
import { isVersionId, type VersionId } from '../domain/identifiers.ts';
import type { Backend, BackendCall, BackendFactory, Envelope, MainPlace, Place, StoredVersion } from './backend.ts';
import { holdsValue, renderFields, sameMaterial } from './fields.ts';
import { createInMemoryWorld, type InMemoryWorld, type Shelf } from './in-memory/world.ts';
import { type StoredFields, fieldsAfter, judgeMain, judgePromotion, markOf } from './main-place.ts';

/** The reference, the fake and the template: what the contract says and nothing else, over a world that tests share. */
export function inMemoryBackend(name: string, world: InMemoryWorld, readable = true): Backend {
  const renderedFor = (place: Place, shelf: Shelf, version: string | undefined) => {
    const envelope = shelf.staged.get(version ?? '');
    return envelope && renderFields(place.fields, envelope.material);
  };

  function standing(place: Place, shelf: Shelf): MainPlace {
    const stored = shelf.generations.at(-1);
    const mark = stored && markOf(stored);
    if (!readable && mark !== undefined && isVersionId(mark.version))
      return { kind: 'ours', version: mark.version, epoch: mark.epoch };
    const known = [...shelf.staged.values()][0];
    const mapped = place.fields ? Object.keys(place.fields) : known?.material.fieldNames();
    return judgeMain(stored, renderedFor(place, shelf, mark?.version), mapped);
  }

  async function stage(place: Place, envelope: Envelope, call: BackendCall): Promise<void> {
    renderFields(place.fields, envelope.material);
    await world.meet('stage', call, envelope.material, () => {
      const { staged } = world.shelf(place.path);
      const there = staged.get(envelope.version);
      if (there !== undefined && !sameMaterial(there.material, envelope.material)) {
        throw new KeybatonError('CONFLICT', `version ${envelope.version} is staged with another value`);
      }
      // What cannot be read keeps nothing that somebody would have to read.
      if (there === undefined && readable) staged.set(envelope.version, envelope);
    });
  }

  return {
    name,
    readable,
    stage,

    async promote(place, promotion, call) {
      const shelf = world.shelf(place.path);
      await world.meet('promote', call, shelf.staged.get(promotion.version)?.material, () => {
        const rendered = readable
          ? renderedFor(place, shelf, promotion.version)
          : promotion.envelope && renderFields(place.fields, promotion.envelope.material);
        if (rendered === undefined) throw notStaged(promotion.version);
        const main = standing(place, shelf);
        if (judgePromotion(main, promotion) === 'done') return;
        const stored = shelf.generations.at(-1);
        const replaced = renderedFor(place, shelf, stored && markOf(stored)?.version);
        shelf.generations.push(fieldsAfter(stored, replaced, rendered, promotion));
      });
    },

    async read(place, which, call): Promise<StoredVersion> {
      if (!readable)
        throw new KeybatonError('UNSUPPORTED', `backend ${name} is write-only: nothing can be read from it`);
      const shelf = world.shelf(place.path);
      return world.meet('read', call, undefined, () => {
        if (which !== 'current') return { ...envelopeOf(shelf, which), epoch: undefined };
        const main = standing(place, shelf);
        if (main.kind === 'empty') throw new KeybatonError('NOT_FOUND', `nothing of ours stands at ${place.path}`);
        if (main.kind !== 'ours') throw new KeybatonError('CONFLICT', `what stands at ${place.path} is not ours`);
        return { ...envelopeOf(shelf, main.version), epoch: main.epoch };
      });
    },

    async describe(place, call) {
      const shelf = world.shelf(place.path);
      return world.meet('describe', call, undefined, () => ({
        main: readable ? standing(place, shelf) : lastWritten(standing(place, shelf)),
        staged: [...shelf.staged.values()].map((envelope) => envelope.version),
      }));
    },

    async destroy(place, version, call) {
      const shelf = world.shelf(place.path);
      await world.meet('destroy', call, shelf.staged.get(version)?.material, () => {
        const value = shelf.staged.get(version)?.material.revealValue();
        const copy = (stored: StoredFields) =>
          markOf(stored)?.version === version || (value !== undefined && holdsValue(stored, value));
        const current = shelf.generations.at(-1);
        if (current !== undefined && copy(current)) {
          throw new KeybatonError('CONFLICT', `version ${version} is what consumers read now at ${place.path}`);
        }
        shelf.generations = shelf.generations.filter((stored) => !copy(stored));
        shelf.staged.delete(version);
      });
    },

    async probe(_place, call) {
      await world.meet('probe', call, undefined, () => undefined);
    },
  };

  function envelopeOf(shelf: Shelf, version: VersionId): Envelope {
    const envelope = shelf.staged.get(version);
    if (envelope === undefined) throw notStaged(version);
    return envelope;
  }

  function notStaged(version: VersionId): KeybatonError {
    return new KeybatonError('NOT_FOUND', `version ${version} is not staged in backend ${name}`);
  }
}

function lastWritten(main: MainPlace): MainPlace {
  return main.kind === 'ours'
    ? { kind: 'unknown', wrote: { version: main.version, epoch: main.epoch } }
    : { kind: 'unknown' };
}

const settingsSchema = z.strictObject({
  /** Backends of one process that name the same world share it. */
  world: z.string().default('default'),
  /** False plays a write-only store. */
  readable: z.boolean().default(true),
});

const worlds = new Map<string, InMemoryWorld>();

/** The world of this name in this process: how a test looks into, and troubles, a backend made from settings. */
export function inMemoryWorld(name = 'default'): InMemoryWorld {
  const world = worlds.get(name) ?? createInMemoryWorld();
  worlds.set(name, world);
  return world;
}

export const inMemory: BackendFactory<z.output<typeof settingsSchema>> = {
  kind: 'in-memory',
  // The schema's input type differs by its defaults alone; the contract names the output.
  settingsSchema,
  create: (settings, access) => inMemoryBackend(access.name, inMemoryWorld(settings.world), settings.readable),
};
