import { adminExists, adminOutlivesItsLeak, adminProvedByUse, adminReadableWithoutBackend } from './admin.ts';
import * as clusters from './clusters.ts';
import { boundShort } from './emergency.ts';
import * as names from './names.ts';
import { allowedPath, fittingFields, fullTemplate, ownLocation } from './places.ts';
import * as proof from './proof.ts';
import { dependentsOfOwnTeam, knownRelations, movedOnce, noCircles, notAnothersEntry } from './relations.ts';
import { ownTarget, roomForAll, spareHasPlace } from './room.ts';
import type { Rule } from './world.ts';

/** Every rule between entries and targets, by name. All are asked; a file is told all its mistakes at once. */
export const rules: Readonly<Record<string, Rule>> = {
  ...names,
  ...proof,
  ...clusters,
  ownLocation,
  allowedPath,
  fullTemplate,
  fittingFields,
  knownRelations,
  noCircles,
  dependentsOfOwnTeam,
  movedOnce,
  notAnothersEntry,
  adminReadableWithoutBackend,
  adminExists,
  adminOutlivesItsLeak,
  adminProvedByUse,
  boundShort,
  ownTarget,
  roomForAll,
  spareHasPlace,
};
