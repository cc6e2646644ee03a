import { readFile } from 'node:fs/promises';
import { KeybatonError } from '../domain/errors.ts';
import { isVersionId } from '../domain/identifiers.ts';
import type { EntryBackend } from '../domain/entry.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import type { NotifyChannel } from '../inventory/notify.ts';
import { asTargets, targetsFileSchema, type Targets } from '../inventory/targets.ts';
import { readYaml } from '../inventory/yaml-source.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Places } from './bindings.ts';
import { readKillSheet } from './read-kill-sheet.ts';

export interface KnownPlacesInput {
  /** Opens the ledger, or answers the open one; may fail, and may never answer. */
  readonly ledger: () => Promise<Ledger>;
  /** Path of the kill sheet of this machine. */
  readonly killSheet: string;
  /** Path of a targets file, for when there is neither; `KEYBATON_TARGETS`. */
  readonly targetsFile: string | undefined;
  /** With a targets file alone: whose tags are ours; `KEYBATON_INSTALLATION`. */
  readonly installation: string | undefined;
  /** How long the ledger may keep containment waiting, and how long it is left alone after that; milliseconds. */
  readonly patience?: number;
  readonly leaveAlone?: number;
}

export interface KnownChannels {
  /** `notify:` of targets.yml by the channels' names; from the first source there is. */
  channels(): Promise<Readonly<Record<string, NotifyChannel>>>;
}

/** What one source knows; undefined where it does not. */
interface Source {
  readonly targets: Targets;
  readonly installation: string | undefined;
  managed(id: CredentialId): Promise<Managed | undefined>;
}

interface Managed {
  readonly places: readonly EntryBackend[];
  readonly version: VersionId | 'current';
}

/** How long what the ledger said is as good as new, milliseconds. */
const fresh = 1_000;

/**
 * Where targets, backends and admin credentials are, with or without the ledger: what it answers within a second, what it
 * answered last, the kill sheet, a targets file, in this order. A ledger that hangs costs that second once, then nobody
 * asks it for ten. NOT_FOUND names every source and what was wrong with it.
 */
export function knownPlaces(input: KnownPlacesInput): Places & KnownChannels {
  const { patience = 1_000, leaveAlone = 10_000 } = input;
  let last: { readonly source: Source; readonly at: number } | undefined;
  let asking: Promise<Source | undefined> | undefined;
  let alone = 0;

  async function ask(): Promise<Source | undefined> {
    const read = async (): Promise<Source> => {
      const ledger = await input.ledger();
      const [targets, installation] = await Promise.all([ledger.appliedTargets(), ledger.installation()]);
      return {
        targets: asTargets(targets),
        installation,
        managed: async (id) => ({
          places: (await soon(ledger.facts(id), patience)).entry.backends,
          version: 'current',
        }),
      };
    };
    try {
      const source = await soon(read(), patience);
      last = { source, at: performance.now() };
    } catch {
      alone = performance.now() + leaveAlone;
    } finally {
      asking = undefined;
    }
    return last?.source;
  }

  async function ledger(): Promise<Source | undefined> {
    const now = performance.now();
    if (last !== undefined && now - last.at < fresh) return last.source;
    if (now < alone) return last?.source;
    asking ??= ask();
    return asking;
  }

  /** The first source that has it; each next one is read only when those before it do not. */
  async function find<Value>(
    what: string,
    pick: (source: Source) => Value | undefined | Promise<Value | undefined>,
  ): Promise<Value> {
    const troubles: string[] = [];
    const sources = [
      { name: 'ledger', open: ledger },
      { name: 'kill sheet', open: () => sheet(input.killSheet, troubles) },
      { name: 'targets file', open: () => file(input, troubles) },
    ];
    for (const { name, open } of sources) {
      try {
        const source = await open();
        const found = source === undefined ? undefined : await pick(source);
        if (found !== undefined) return found;
        if (source !== undefined) troubles.push(`the ${name} does not have it`);
        else if (open === ledger) troubles.push('the ledger does not answer');
      } catch {
        // Whatever is wrong with one source, the next may know.
        troubles.push(`the ${name} does not answer`);
      }
    }
    throw new KeybatonError('NOT_FOUND', `${what} is not known: ${troubles.join('; ')}`);
  }

  return {
    target: (name) => find(`target ${name}`, ({ targets }) => own(targets.targets, name)),
    backend: (name) => find(`backend ${name}`, ({ targets }) => own(targets.backends, name)),
    channels: () => find('who is to be told', ({ targets }) => targets.notify ?? {}),
    installation: () => find('the name of this installation', (source) => source.installation),
    managed: (id) => find(`admin credential ${id}`, (source) => source.managed(id)),
  };
}

const own = <Value>(of: Readonly<Record<string, Value>>, name: string): Value | undefined =>
  Object.hasOwn(of, name) ? of[name] : undefined;

async function soon<Value>(begun: Promise<Value>, patience: number): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new KeybatonError('UNAVAILABLE', 'the ledger did not answer in time')), patience);
  });
  begun.catch(() => undefined);
  try {
    return await Promise.race([begun, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function sheet(path: string, troubles: string[]): Promise<Source | undefined> {
  const { sheet: found, trouble } = await readKillSheet(path);
  if (found === undefined) {
    troubles.push(trouble ?? 'there is no kill sheet');
    return undefined;
  }
  return {
    targets: asTargets(found.targets),
    installation: found.installation,
    async managed(id) {
      const credential = found.credentials.find((one) => one.credential === id);
      // The sheet may not know how fields are mapped, so the staged copy is read instead of what readers get.
      const current = credential?.versions.find(({ fate }) => fate === 'current')?.version;
      if (credential === undefined || current === undefined || !isVersionId(current)) return undefined;
      return {
        places: credential.backends.map(({ backend, path: at }) => ({ backend, path: at, fields: undefined })),
        version: current,
      };
    },
  };
}

async function file({ targetsFile, installation }: KnownPlacesInput, troubles: string[]): Promise<Source | undefined> {
  if (targetsFile === undefined) {
    troubles.push('KEYBATON_TARGETS names no targets file');
    return undefined;
  }
  const targets = await readTargets(targetsFile);
  if (targets === undefined) {
    troubles.push(`${targetsFile} cannot be read as targets.yml`);
    return undefined;
  }
  return { targets, installation, managed: async () => undefined };
}

/** Undefined when it is none: problems are for `apply` to tell, and quote nothing here. */
async function readTargets(path: string): Promise<Targets | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const source = readYaml('targets', text);
  const parsed = source.problems.length === 0 ? targetsFileSchema.safeParse(source.content) : undefined;
  return parsed?.success === true ? asTargets(parsed.data) : undefined;
}
