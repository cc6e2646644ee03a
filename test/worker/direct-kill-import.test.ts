import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeybatonError } from '../../domain/errors.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import type { FrozenVersion, KillFact } from '../../domain/incident.ts';
import type { Escalation } from '../../workflows/messages.ts';
import { openRig, type Rig } from '../activities/rig.ts';
import { silentServer } from '../providers/provider-target.ts';
import { openLedger } from '../../ledger/open.ts';
import { adaptersOf, declarationOf, directRig, noLedger, type DirectRig } from './direct-kill-rig.ts';

let machine: DirectRig;
let rig: Rig;
beforeEach(async () => {
  machine = directRig();
  rig = await openRig();
});
afterEach(async () => {
  await rig.close();
  machine.close();
});

/** A key at the provider that the ledger calls current, too. */
async function known(): Promise<FrozenVersion> {
  const { frozen } = machine.plant({ credential: rig.id });
  await rig.ledger.importVersion({
    credential: rig.id,
    version: frozen.version,
    target: 'target',
    ref: frozen.refs[0],
    fingerprint: frozen.fingerprint ?? '',
    copies: [{ backend: 'shelf', path: rig.path }],
    proofKey: randomBytes(32),
    who: 'test',
    current: true,
  });
  return frozen;
}

const kill = (versions: readonly FrozenVersion[]) =>
  machine.open().direct.run({
    declaration: declarationOf('i1'),
    versions,
    onFact: () => undefined,
    signal: AbortSignal.timeout(20_000),
  });

function importing(escalated: [CredentialId, Escalation][] = [], ledger = async () => rig.ledger) {
  return machine.open({
    ledger,
    rotations: { escalate: async (credential, escalation) => void escalated.push([credential, escalation]) },
  }).direct;
}

describe('importing what was killed without the ledger', () => {
  it('tells the ledger who, what and when, and asks the rotations to replace', async () => {
    const frozen = await known();
    await kill([frozen]);
    const escalated: [CredentialId, Escalation][] = [];
    await expect(importing(escalated).importJournals()).resolves.toEqual(['i1']);
    await expect(rig.ledger.incident('i1')).resolves.toMatchObject({
      who: 'on-call',
      scope: 'credential in-memory/test/bot-1',
      declaredAt: declarationOf('i1').declaredAt,
      keys: 1,
      contained: 1,
    });
    const version = (await rig.facts()).versions.find(({ id }) => id === frozen.version);
    expect(version).toMatchObject({ compromised: true, killBegun: true });
    expect(escalated).toEqual([[rig.id, { incident: 'i1', compromised: [frozen.version] }]]);
  });

  it('again is no change, and the journal says that it was taken', async () => {
    await kill([await known()]);
    await importing().importJournals();
    const before = (await rig.ledger.verifyChain()).events;
    await expect(importing().importJournals()).resolves.toEqual([]);
    expect((await rig.ledger.verifyChain()).events).toBe(before);
    expect((await machine.open().journals.read()).journals).toMatchObject([{ imported: true }]);
  });

  it('of a journal that was marked by nobody is no change in the ledger either', async () => {
    const frozen = await known();
    await kill([frozen]);
    await importing().importJournals();
    const before = (await rig.ledger.verifyChain()).events;
    const path = join(machine.home, 'incidents', 'i1.jsonl');
    writeFileSync(path, readFileSync(path, 'utf8').replace(/.*"imported".*\n/, ''));
    await expect(importing().importJournals()).resolves.toEqual(['i1']);
    expect((await rig.ledger.verifyChain()).events).toBe(before);
  });

  it('takes what was added after an earlier import', async () => {
    const frozen = await known();
    await machine.open().direct.journal(declarationOf('i1'), [frozen]);
    await importing().importJournals();
    await expect(rig.ledger.incident('i1')).resolves.toMatchObject({ contained: 0 });
    await kill([frozen]);
    await expect(importing().importJournals()).resolves.toEqual(['i1']);
    await expect(rig.ledger.incident('i1')).resolves.toMatchObject({ contained: 1 });
  });

  it('a declaration alone asks no rotation: the workers that took it do', async () => {
    await machine.open().direct.journal(declarationOf('i1'), [await known()]);
    const escalated: [CredentialId, Escalation][] = [];
    await importing(escalated).importJournals();
    expect(escalated).toEqual([]);
  });

  it('keeps on record what the ledger has never heard of', async () => {
    const frozen = await known();
    const { frozen: stranger } = machine.plant();
    await kill([frozen, stranger]);
    await expect(importing().importJournals()).resolves.toEqual(['i1']);
    const { keys, events } = await rig.ledger.incident('i1');
    expect(keys).toBe(1);
    const noted = events.find(({ kind }) => kind.startsWith('killed-unknown.'));
    expect(noted?.body['versions']).toEqual([stranger.version]);
    const facts = noted?.body['facts'] as readonly KillFact[];
    expect(facts.map(({ kind }) => kind)).toEqual(['contained', 'dead']);
  });

  it('keeps on record what was added later about what the ledger has never heard of', async () => {
    const { frozen: first } = machine.plant();
    const { frozen: second } = machine.plant();
    await kill([first]);
    await importing().importJournals();
    await kill([second]);
    await importing().importJournals();
    const { events } = await rig.ledger.incident('i1');
    const noted = events.filter(({ kind }) => kind.startsWith('killed-unknown.'));
    expect(noted.map(({ body }) => body['versions'])).toEqual([[first.version], [first.version, second.version]]);
  });

  it('leaves the proof of death to the rotation while a create of that version may still land', async () => {
    const frozen = await known();
    await rig.ledger.intend({ version: frozen.version, effect: 'issue', place: 'project', within: 60_000 });
    await kill([frozen]);
    await importing().importJournals();
    const version = (await rig.facts()).versions.find(({ id }) => id === frozen.version);
    expect(version).toMatchObject({ compromised: true, killBegun: true, dead: undefined });
  });

  it('keeps the journal for later while the ledger is down', async () => {
    await kill([await known()]);
    await expect(importing([], noLedger).importJournals()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(importing().importJournals()).resolves.toEqual(['i1']);
  });

  it('does not wait for Temporal: the sweep finds what is compromised', async () => {
    await kill([await known()]);
    const { direct } = machine.open({
      ledger: async () => rig.ledger,
      rotations: {
        escalate: async () => {
          throw new KeybatonError('UNAVAILABLE', 'Temporal does not answer');
        },
      },
    });
    await expect(direct.importJournals()).resolves.toEqual(['i1']);
  });

  it('with nothing to import opens no ledger', async () => {
    await expect(importing([], noLedger).importJournals()).resolves.toEqual([]);
  });
});

describe('a ledger that takes every connection and says nothing', () => {
  it('keeps no kill waiting', async () => {
    const silent = await silentServer();
    try {
      const { frozen } = machine.plant();
      const url = `postgres://keybaton:none@127.0.0.1:${new URL(silent.url).port}/ledger`;
      const opening = openLedger({ url });
      opening.catch(() => undefined);
      const progress = await machine.open({ ledger: () => opening, adapters: adaptersOf() }).direct.run({
        declaration: declarationOf('i1'),
        versions: [frozen],
        onFact: () => undefined,
        signal: AbortSignal.timeout(20_000),
      });
      expect(progress.dead).toBe(1);
      await opening.catch(() => undefined);
    } finally {
      await silent.stop();
    }
  });
});
