import type { Entry } from '../../domain/entry.ts';
import { parseAdminReference } from '../admin-reference.ts';
import type { Problem } from '../problem.ts';
import { at } from './world.ts';
import type { Rule, RuleWorld } from './world.ts';

/**
 * Containment needs only the provider and an admin credential. A reference that lives only in a backend which holds
 * the credential cannot be read when that backend is down or lost - which is when it is needed.
 */
export const adminReadableWithoutBackend: Rule = (world) =>
  world.entries.flatMap((entry) => {
    const admin = world.targets.targets[entry.target]?.admin;
    const homes = admin === undefined ? undefined : homesOf(admin, world);
    if (homes === undefined || !homes.every((home) => entry.backends.some(({ backend }) => backend === home)))
      return [];
    const text =
      'the admin credential of this target can be read only from a backend that holds this credential: if it is down, nothing can be killed';
    return [at(entry, ['target'], text)];
  });

/** Backends in which the admin credential lives; undefined when it lives outside of all of them, or is not known. */
function homesOf(admin: string, world: RuleWorld): readonly string[] | undefined {
  const reference = parseAdminReference(admin);
  if (reference?.kind === 'vault') return [reference.backend];
  if (reference?.kind !== 'credential') return undefined;
  return find(world, reference.id)?.backends.map(({ backend }) => backend);
}

const find = ({ entries, others }: RuleWorld, id: string): Entry | undefined =>
  [...entries, ...others].find((one) => one.id === id);

/** References in targets.yml that point at a backend or an entry that does not exist, or at the backend they open. */
export const adminExists: Rule = (world) => {
  const referenced = [
    ...Object.entries(world.targets.targets).map(([name, { admin }]) => ['targets', name, admin] as const),
    ...Object.entries(world.targets.backends).map(([name, { admin }]) => ['backends', name, admin] as const),
  ];
  return referenced.flatMap(([kind, name, admin]): readonly Problem[] => {
    const reference = admin === undefined ? undefined : parseAdminReference(admin);
    const problem = (text: string): readonly Problem[] => [{ file: 'targets', path: [kind, name, 'admin'], text }];
    if (reference?.kind === 'vault') {
      if (!world.backendNames.has(reference.backend)) return problem('names a backend that is not in this file');
      if (kind === 'backends' && reference.backend === name)
        return problem('a backend cannot hold the credential that opens it');
    }
    if (reference?.kind === 'credential') {
      if (!world.ids.has(reference.id) && find(world, reference.id) === undefined) {
        return problem('names a credential that no inventory has: apply that entry first, or together with this file');
      }
      const homes = find(world, reference.id)?.backends.map(({ backend }) => backend) ?? [];
      if (kind === 'backends' && homes.length > 0 && homes.every((home) => home === name)) {
        return problem('a backend cannot hold the credential that opens it');
      }
      if (kind === 'targets' && find(world, reference.id)?.target === name) {
        return problem(
          'a target cannot make the admin credential that opens it: it could not be replaced after a leak',
        );
      }
    }
    return [];
  });
};
