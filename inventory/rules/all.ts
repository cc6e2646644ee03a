import { adminExists, adminReadableWithoutBackend } from './admin.ts';
import * as names from './names.ts';
import { allowedPath, fittingFields, fullTemplate, ownLocation } from './places.ts';
import * as proof from './proof.ts';
import { knownRelations, movedOnce, noCircles, notAnothersEntry } from './relations.ts';
import { ownTarget, roomForAll } from './room.ts';
import type { Rule } from './world.ts';

/** Every rule between entries and targets, by name. All are asked; a file is told all its mistakes at once. */
export const rules: Readonly<Record<string, Rule>> = {
  ...names,
  ...proof,
  ownLocation,
  allowedPath,
  fullTemplate,
  fittingFields,
  knownRelations,
  noCircles,
  movedOnce,
  notAnothersEntry,
  adminReadableWithoutBackend,
  adminExists,
  ownTarget,
  roomForAll,
};
