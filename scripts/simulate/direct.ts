import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { frozenFrom } from '../../domain/freeze.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import { defaultIncidentPace, type Declaration, type KillFact } from '../../domain/incident.ts';
import { killTarget } from '../../worker/direct-lane.ts';
import { importJournal } from '../../worker/import-journal.ts';
import { escalatedRotations, killingPorts } from './incidents.ts';
import { minute } from './scenario.ts';
import { credential } from './entries.ts';
import type { SimulatedWorld } from './world.ts';

/** Where journals are marked as imported; nothing is read from there. */
let home: string | undefined;
function homeOfJournals(): string {
  if (home !== undefined) return home;
  const made = mkdtempSync(join(tmpdir(), 'keybaton-simulated-'));
  mkdirSync(join(made, 'incidents'));
  process.on('exit', () => rmSync(made, { recursive: true, force: true }));
  return (home = made);
}

/**
 * `emergency --direct`: kills in a process of its own, which needs neither Temporal nor the ledger; what it did is brought
 * into the ledger later, and again as long as there is more. `told`: from then on the ledger knows; `journalled`: what it writes down.
 */
export async function killDirectly(
  world: SimulatedWorld,
  incident: string,
  versions: readonly VersionId[],
  importedAfter: number,
  told: () => void,
  journalled: (facts: readonly KillFact[]) => void,
): Promise<void> {
  const { agenda, ledger, pace, temporal } = world;
  const declaration: Declaration = {
    incident,
    declaredAt: agenda.now(),
    who: 'operator',
    why: 'mischief',
    scope: `credential ${credential}`,
    drill: false,
    parts: 1,
    pace: defaultIncidentPace,
  };
  // From the kill sheet, which has what the ledger had.
  const frozen = frozenFrom(await ledger.facts(credential), versions, agenda.now());
  const escalated = escalatedRotations(() => temporal, pace);
  const rotations = {
    escalate: (id: CredentialId, by: { readonly incident: string; readonly compromised: readonly VersionId[] }) =>
      escalated.escalate(id, by.incident, by.compromised),
  };
  const facts: KillFact[] = [];
  let taken = -1;
  let ended = false;

  async function bringIn(): Promise<void> {
    if (agenda.now() < world.down.ledger) return void agenda.at(world.down.ledger + 1, 'import', bringIn);
    const read = [...facts];
    const journal = { declaration, versions: frozen, facts: read, imported: false };
    const { trouble } = await importJournal({ home: homeOfJournals(), ledger, rotations }, journal);
    if (trouble !== undefined) throw trouble;
    told();
    taken = read.length;
    if (!ended || facts.length > taken) return void agenda.at(agenda.now() + 2 * minute, 'import', bringIn);
    await ledger.closeIncident({ incident, who: 'operator' });
  }

  agenda.at(agenda.now() + importedAfter, 'import', bringIn);
  const life = { signal: new AbortController().signal, dead: false, frozenUntil: 0 };
  const tell = async (fresh: readonly KillFact[]): Promise<void> => {
    journalled(fresh);
    facts.push(...fresh);
  };
  void killTarget(killingPorts(world.portsOf(life)), {
    ...{ declaration, versions: frozen, rate: undefined, facts: [], tell },
    signal: life.signal,
  }).then(() => (ended = true));
}
