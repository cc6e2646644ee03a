import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chooseDrilled, drillsDue } from '../../../control/operations/drill-choice.ts';
import { drillPlace } from '../../../domain/drill.ts';
import type { Entry } from '../../../domain/entry.ts';
import { parseCredentialId, versionIdFrom, type CredentialId } from '../../../domain/identifiers.ts';
import type { Ledger } from '../../../ledger/ledger.ts';
import { openLedger } from '../../../ledger/open.ts';
import { temporaryFolder } from '../../../scripts/servers/temporary-folder.ts';
import { plainEntry } from '../../support/entries.ts';

const day = 86_400_000;
const now = Date.UTC(2026, 0, 1);
const id = (name: string): CredentialId => parseCredentialId(`openai/prod/${name}`);

let folder: ReturnType<typeof temporaryFolder>;
let ledger: Ledger;
beforeEach(async () => {
  folder = temporaryFolder('choice');
  ledger = await openLedger({ url: `sqlite:${folder.path}/ledger.sqlite`, clock: () => now });
});
afterEach(async () => {
  await ledger.close();
  folder.remove();
});

/** Entries that have something current, drilled so long ago; undefined: never. */
async function entries(given: Readonly<Record<string, Partial<Entry> & { readonly drilled?: number }>>): Promise<void> {
  await ledger.applyInventory({
    teams: ['team'],
    entries: Object.entries(given).map(([name, { drilled: _, ...changes }]) => ({
      ...plainEntry(id(name), 'team', []),
      ...changes,
    })),
    targets: {},
    actor: 'test',
  });
  for (const [name, { drilled }] of Object.entries(given)) {
    await ledger.importVersion({
      ...{ credential: id(name), version: versionIdFrom(randomBytes(64)), target: 'team', ref: { id: name } },
      ...{ fingerprint: `kb1:p:${name}`, copies: [], proofKey: new Uint8Array(1), who: 'test', current: true },
    });
    if (drilled !== undefined) await ledger.remember(drillPlace(id(name)), JSON.stringify({ at: now - drilled }));
  }
}

describe('which credential of a target is drilled', () => {
  it('is one that never was, the weightiest first', async () => {
    await entries({ a: { drilled: 400 * day }, b: { tier: 'low' }, c: { tier: 'critical' }, d: {} });
    expect(await chooseDrilled(ledger, 'team')).toBe(id('c'));
  });

  it('is else the one that was drilled longest ago', async () => {
    await entries({ a: { drilled: day, tier: 'critical' }, b: { drilled: 3 * day }, c: { drilled: 2 * day } });
    expect(await chooseDrilled(ledger, 'team')).toBe(id('b'));
  });

  it('is never one that is not at rest; where none is, people are told why', async () => {
    await entries({ a: {}, b: { drilled: day } });
    await ledger.request({ kind: 'pause', credential: id('a'), who: 'os:ada', why: 'a launch' });
    expect(await chooseDrilled(ledger, 'team')).toBe(id('b'));
    await ledger.request({ kind: 'freeze', who: 'os:ada', why: 'a move' });
    await expect(chooseDrilled(ledger, 'team')).rejects.toMatchObject({
      ...{ code: 'CONFLICT', message: expect.stringMatching(/a launch|a move/) },
    });
  });

  it('is none of a target that nobody names', async () => {
    await entries({ a: {} });
    await expect(chooseDrilled(ledger, 'elsewhere')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('what a sweep drills', () => {
  it('is one credential of each target that is meant, and only what its tier says is due', async () => {
    await entries({
      ...{ a: { drilled: 31 * day, tier: 'critical' }, b: { drilled: 29 * day, tier: 'critical' }, c: { tier: 'low' } },
      ...{
        d: { target: 'other', drilled: 91 * day },
        e: { target: 'other', drilled: 95 * day },
        f: { target: 'third' },
      },
    });
    expect((await drillsDue(ledger, new Set(['team', 'other']))).toSorted()).toEqual([id('a'), id('e')]);
  });

  it('is looked for without reading everything: it is asked each hour', async () => {
    const many = Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`b${at}`, {}] as const));
    await entries({ ...many, a: {}, c: { target: 'other' }, d: { drilled: day }, e: { tier: 'low' } });
    await ledger.request({ kind: 'pause', credential: id('a'), who: 'os:ada', why: 'a launch' });
    const read: string[] = [];
    const counting: Ledger = {
      ...ledger,
      facts: (credential) => {
        read.push(credential);
        return ledger.facts(credential);
      },
      list: () => Promise.reject(new Error('every credential was to be read')),
    };
    expect(await drillsDue(counting, new Set(['team']))).toEqual([id('b0')]);
    // One that is paused, and the one that is drilled.
    expect(read).toEqual([id('a'), id('b0')]);
  });
});
