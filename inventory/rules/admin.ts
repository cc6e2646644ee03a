import { ownConsumer, worksWithIt, type Entry } from '../../domain/entry.ts';
import { parseAdminReference } from '../admin-reference.ts';
import type { Problem } from '../problem.ts';
import type { Target } from '../targets.ts';
import { storeOf } from './places.ts';
import { anothersEntry, at, consumersOf, tellable } from './world.ts';
import type { Rule, RuleWorld } from './world.ts';

/**
 * Containment needs only the provider and an admin credential. A reference that lives only in a backend which holds
 * the credential cannot be read when that backend is down or lost - which is when it is needed. Neither can one whose own
 * backend is opened by something that lies there.
 */
export const adminReadableWithoutBackend: Rule = (world) =>
  world.entries.flatMap((entry) => {
    const target = world.targets.targets[entry.target];
    if (target === undefined) return [];
    const down = new Set(entry.backends.map(({ backend }) => storeOf(backend, world.targets)));
    if (adminsOf(target).some((admin) => readable(admin, down, world, new Set()))) return [];
    const text =
      'the admin credential of this target can be read only from a backend that holds this credential: if it is down, nothing can be killed';
    return [at(entry, ['target'], text)];
  });

const adminsOf = ({ admin, secondAdmin }: Target): readonly string[] =>
  secondAdmin === undefined ? [admin] : [admin, secondAdmin];

/** Can it be read while these stores are down? What is not known here is told of by `adminExists`. */
function readable(
  admin: string | undefined,
  down: ReadonlySet<string>,
  world: RuleWorld,
  asked: ReadonlySet<string>,
): boolean {
  const reference = admin === undefined ? undefined : parseAdminReference(admin);
  if (admin === undefined || reference === undefined || reference.kind === 'env' || reference.kind === 'file')
    return true;
  if (asked.has(admin)) return false;
  const homes =
    reference.kind === 'vault'
      ? [reference.backend]
      : find(world, reference.id)?.backends.map(({ backend }) => backend);
  if (homes === undefined) return true;
  return homes.some((home) => {
    if (down.has(storeOf(home, world.targets))) return false;
    return readable(world.targets.backends[home]?.admin, down, world, new Set([...asked, admin]));
  });
}

/**
 * An admin credential that leaks is needed to kill, and to replace, what it made: killed at once it would take every
 * other kill at its target with it. Its entry is replace-first, or the target has a second admin to go on with.
 */
export const adminOutlivesItsLeak: Rule = (world) =>
  Object.entries(world.targets.targets).flatMap(([name, target]): readonly Problem[] => {
    const managed = adminsOf(target).flatMap((admin) => {
      const reference = parseAdminReference(admin);
      const entry = reference?.kind === 'credential' ? find(world, reference.id) : undefined;
      return entry === undefined ? [] : [entry];
    });
    if (new Set(adminsOf(target)).size > 1) return [];
    return managed
      .filter(({ emergency }) => emergency.policy !== 'replace-first')
      .map((entry) => {
        const text = `it opens target ${name}, where nothing could be killed once it is revoked: its policy must be replace-first, or the target needs a secondAdmin`;
        return world.entries.includes(entry)
          ? at(entry, ['emergency'], text)
          : { file: 'targets', path: ['targets', name, 'admin'], text };
      });
  });

const find = ({ entries, others }: RuleWorld, id: string): Entry | undefined =>
  [...entries, ...others].find((one) => one.id === id);

/** References in targets.yml that point at a backend or an entry that does not exist, or at the backend they open. */
export const adminExists: Rule = (world) => {
  const referenced = [
    ...Object.entries(world.targets.targets).flatMap(([name, { admin, secondAdmin }]) => [
      ['targets', name, 'admin', admin] as const,
      ['targets', name, 'secondAdmin', secondAdmin] as const,
    ]),
    ...Object.entries(world.targets.backends).map(([name, { admin }]) => ['backends', name, 'admin', admin] as const),
    ...Object.entries(world.targets.notify ?? {}).map(
      ([name, { secret }]) => ['notify', name, 'secret', secret] as const,
    ),
  ];
  return referenced.flatMap(([kind, name, key, admin]): readonly Problem[] => {
    const reference = admin === undefined ? undefined : parseAdminReference(admin);
    const problem = (text: string): readonly Problem[] => [{ file: 'targets', path: [kind, name, key], text }];
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
      if (kind === 'targets' && find(world, reference.id)?.target === name && !hasAnother(world, name)) {
        return problem(
          'a target cannot make the only admin credential that opens it: it could not be replaced after a leak, so it needs a secondAdmin',
        );
      }
    }
    return [];
  });
};

const hasAnother = ({ targets }: RuleWorld, name: string): boolean => {
  const target = targets.targets[name];
  return target !== undefined && new Set(adminsOf(target)).size > 1;
};

/**
 * keybaton uses an admin credential itself: the old one dies only after the new one has worked at every target that it opens,
 * which the consumer `keybaton` proves. Nobody else can prove that, and nowhere else can keybaton.
 */
export const adminProvedByUse: Rule = (world) => {
  const opened = new Map<string, string>();
  for (const [name, target] of Object.entries(world.targets.targets))
    for (const admin of adminsOf(target)) {
      const reference = parseAdminReference(admin);
      if (reference?.kind === 'credential') opened.set(reference.id, name);
    }
  const proves = (entry: Entry): boolean =>
    consumersOf(entry).some(({ name, demand }) => name === ownConsumer && demand === 'possession');
  return [...world.entries, ...world.others].flatMap((entry): readonly Problem[] => {
    const target = opened.get(entry.id);
    const here = world.entries.includes(entry);
    if (target !== undefined && !proves(entry)) {
      const name = tellable(world, entry) ? entry.id : anothersEntry;
      const text = `${name} opens target ${target}, so keybaton must prove that the new version works there: its consumers need { name: keybaton, demand: possession }`;
      return [here ? at(entry, ['consumers'], text) : { file: 'targets', path: ['targets', target, 'admin'], text }];
    }
    if (target !== undefined || !here || !worksWithIt(entry)) return [];
    const text =
      'the consumer keybaton is keybaton itself, and no target names this credential as its admin: apply that target first, or together with this file';
    return [at(entry, ['consumers'], text)];
  });
};
