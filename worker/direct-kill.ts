import type { ContainmentPorts } from '../activities/containment/ports.ts';
import type { DirectKill, IncidentJournals } from '../control/incident-ports.ts';
import { journalProgress } from '../control/operations/incident-journal.ts';
import type { Rotations } from '../control/ports.ts';
import { codeOf, KeybatonError } from '../domain/errors.ts';
import type { Declaration, FrozenVersion, KillFact, RateLimit } from '../domain/incident.ts';
import { openJournal, readJournals, type OpenJournal } from '../ledger/incident-journal.ts';
import type { IncidentLedger, Ledger } from '../ledger/ledger.ts';
import type { OpenContainment } from './containment-ports.ts';
import { killTarget, type Told } from './direct-lane.ts';
import { importJournal, type Imported } from './import-journal.ts';

export interface DirectKillInput {
  /** The folder of this installation; journals lie in `incidents/` of it. */
  readonly home: string;
  readonly ports: OpenContainment;
  /** Only importing asks it. */
  readonly ledger: () => Promise<Ledger & IncidentLedger>;
  /** Only importing asks them: replacing is theirs. */
  readonly rotations: Pick<Rotations, 'escalate'>;
}

/** How long the disk may keep a kill waiting, milliseconds: a full or hanging one must not keep a thief's key alive. */
const diskPatience = 3_000;

/** Killing in this process, with what it has: no Temporal, no ledger. Journalled, so that a crash costs nothing but time. */
export function openDirectKill(input: DirectKillInput): DirectKill & IncidentJournals {
  const { home, ports } = input;

  return {
    async run({ declaration, versions, onFact, signal }) {
      const journal = await journalInTime(ports, home, declaration, versions);
      const facts: KillFact[] = [...(journal?.read.facts ?? [])];
      const all = journal?.read.versions ?? versions;
      const tell: Told = async (fresh) => {
        await inTime(ports, journal?.add(fresh) ?? Promise.resolve()).catch(() => undefined);
        facts.push(...fresh);
        fresh.forEach(onFact);
      };
      try {
        const byTarget = Map.groupBy(all, ({ target }) => target);
        await Promise.all(
          [...byTarget].map(async ([target, some]) => {
            const rate = await rateOf(ports, target);
            await killTarget(ports, { declaration, versions: some, rate, facts, tell, signal });
          }),
        );
      } finally {
        await journal?.close();
      }
      return journalProgress({ declaration, versions: all, facts, imported: false }, ports.now());
    },

    async journal(declaration, versions) {
      await (await openJournal(home, declaration, versions)).close();
    },

    read: () => readJournals(home),

    async importJournals() {
      // One without a declaration has killed nothing: `read` tells of it.
      const { journals } = await readJournals(home);
      const open = journals.filter(({ imported }) => !imported).toReversed();
      if (open.length === 0) return [];
      const ledger = await input.ledger();
      const done: Imported[] = [];
      const failed: string[] = [];
      let code: KeybatonError['code'] = 'UNAVAILABLE';
      for (const journal of open) {
        const imported = await importJournal({ home, ledger, rotations: input.rotations }, journal);
        done.push(imported);
        if (imported.trouble === undefined) continue;
        code = imported.trouble.code;
        failed.push(`${imported.incident}: ${imported.trouble.message}`);
      }
      const names = done.filter(({ trouble }) => trouble === undefined).map(({ incident }) => incident);
      if (failed.length === 0) return names;
      const taken = names.length === 0 ? '' : `; the ledger took ${names.join(', ')}`;
      throw new KeybatonError(code, `journals are not in the ledger yet: ${failed.join('; ')}${taken}`);
    },
  };
}

async function rateOf({ places }: OpenContainment, target: string): Promise<RateLimit | undefined> {
  // A target that nobody knows is told for each of its keys.
  const found = await places.target(target).catch(() => undefined);
  return found?.rateLimit;
}

/** Undefined where the disk does not take it: then killing goes on without. */
async function journalInTime(
  ports: ContainmentPorts,
  home: string,
  declaration: Declaration,
  versions: readonly FrozenVersion[],
): Promise<OpenJournal | undefined> {
  return inTime(ports, openJournal(home, declaration, versions)).catch((thrown: unknown) => {
    // The file of another incident under the same name: this one must not be mixed with it.
    if (codeOf(thrown) === 'CONFLICT' || codeOf(thrown) === 'INVALID_CONFIG') throw thrown;
    return undefined;
  });
}

async function inTime<Value>(ports: ContainmentPorts, begun: Promise<Value>): Promise<Value> {
  const answered = new AbortController();
  begun.catch(() => undefined);
  const late = ports.sleep(diskPatience, answered.signal).then((): never => {
    throw new KeybatonError('UNAVAILABLE', 'the disk does not answer');
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([begun, late]);
  } finally {
    answered.abort();
  }
}
