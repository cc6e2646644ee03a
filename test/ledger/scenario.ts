import { expect, it } from 'vitest';
import type { Entry } from '../../domain/entry.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import { codeOf } from '../../domain/errors.ts';
import type { CredentialFacts, VersionFacts } from '../../domain/facts.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import type { Ledger, PlanVersion } from '../../ledger/ledger.ts';
import { openLedger } from '../../ledger/open.ts';
import { bot, entry, freshVersion, minutes } from './fixtures.ts';
import type { Place } from './places.ts';
import { followSheets } from './sheets.ts';

/** One ledger with a clock in the hand, and the short ways to where a test begins. */
export interface Scenario {
  readonly ledger: Ledger;
  readonly url: string;
  readonly place: Place;
  readonly now: () => number;
  readonly pass: (milliseconds: number) => void;
  readonly apply: (...entries: readonly Entry[]) => Promise<void>;
  readonly plan: (credential?: CredentialId, as?: PlanVersion['as']) => Promise<VersionId>;
  readonly issue: (credential?: CredentialId, as?: PlanVersion['as']) => Promise<VersionId>;
  /** Issues and decides: the new version is current, every other one doomed. */
  readonly rotate: (credential?: CredentialId) => Promise<VersionId>;
  /** Everything of GATE 3 and 4 for this version. */
  readonly prove: (version: VersionId, credential?: CredentialId) => Promise<void>;
  /** Proves, authorises, begins and proves dead. */
  readonly kill: (version: VersionId, credential?: CredentialId) => Promise<void>;
  readonly version: (id: VersionId) => Promise<VersionFacts>;
  readonly facts: (credential?: CredentialId) => Promise<CredentialFacts>;
  readonly kinds: () => Promise<readonly string[]>;
}

export const ref = (version: VersionId): { readonly id: string } => ({ id: `key-${version}` });
export const proofKey = Uint8Array.of(1, 2, 3);

/**
 * A test on a fresh ledger, after which its chain must hold, its projections must be what its events make, and a kill sheet
 * that followed must be what one made anew is.
 */
export function scenario(place: Place, name: string, run: (scenario: Scenario) => Promise<void>): void {
  it(name, async () => {
    const url = await place.fresh();
    let time = Date.UTC(2026, 0, 1);
    const ledger = await openLedger({ url, clock: () => time });
    try {
      const made = scenarioOn(
        ledger,
        url,
        place,
        () => time,
        (milliseconds) => (time += milliseconds),
      );
      await made.apply(entry());
      const sheets = await followSheets(url);
      try {
        await run(made);
        await sheets.expectWhole();
      } finally {
        await sheets.close();
      }
      await expectSound(ledger);
    } finally {
      await ledger.close();
    }
  });
}

export async function expectSound(ledger: Ledger): Promise<void> {
  expect((await ledger.verifyChain()).broken).toEqual([]);
  const before = await ledger.dump();
  await ledger.rebuild();
  expect(await ledger.dump()).toEqual(before);
}

export function scenarioOn(
  ledger: Ledger,
  url: string,
  place: Place,
  now: () => number,
  pass: (milliseconds: number) => void,
): Scenario {
  const scenario: Scenario = {
    ledger,
    url,
    place,
    now,
    pass,
    async apply(...entries) {
      const teams = [...new Set(['support', ...entries.map((one) => one.team)])];
      await ledger.applyInventory({ teams, entries, targets: {}, actor: 'os:tester' });
    },
    async plan(credential = bot, as = 'pending') {
      const version = freshVersion();
      await ledger.planVersion({
        credential,
        version,
        target: 'openai-prod',
        as,
        baseline: { place: 'project', live: [], at: now() },
      });
      return version;
    },
    async issue(credential = bot, as = 'pending') {
      const version = await scenario.plan(credential, as);
      await ledger.intend({ version, effect: 'issue', place: 'project', within: minutes(1) });
      const copies = [{ backend: 'vault', path: `staged/${version}` }];
      await ledger.issued({ version, ref: ref(version), fingerprint: `kb1:p:${version}`, copies, proofKey });
      return version;
    },
    async rotate(credential = bot) {
      const version = await scenario.issue(credential);
      const expectedEpoch = (await scenario.facts(credential)).epochs.length;
      const { epoch } = await ledger.decide({ credential, version, expectedEpoch, why: 'due', run: 'run' });
      await ledger.intend({ version, effect: 'promote', place: 'vault', epoch, within: minutes(1) });
      await ledger.promoted({ version, epoch, backend: 'vault', path: `ai/${credential}` });
      return version;
    },
    async prove(version, credential = bot) {
      const { epochs, entry: stored } = await scenario.facts(credential);
      const epoch = epochs[0]?.epoch ?? 0;
      for (const { name } of 'none' in stored.consumers ? [] : stored.consumers) {
        await ledger.beat({ credential, consumer: name, instance: 'one', boot: 'first', lease: minutes(10) });
        await ledger.prove({
          credential,
          epoch,
          consumer: name,
          instance: 'one',
          kind: 'possession',
          actor: `consumer:${name}`,
        });
      }
      await ledger.watch(version, silent(now()));
    },
    async kill(version, credential = bot) {
      await scenario.prove(version, credential);
      await ledger.authorise({
        credential,
        version,
        epoch: (await scenario.facts(credential)).epochs.length,
        signal: true,
      });
      await ledger.killBegan({ version });
      await ledger.dead({ version, grade: 'refused' });
    },
    async version(id) {
      const found = (await scenario.facts(await ledger.credentialOf(id))).versions.find((one) => one.id === id);
      if (found === undefined) throw new Error(`no version ${id}`);
      return found;
    },
    facts: (credential = bot) => ledger.facts(credential),
    async kinds() {
      return (await ledger.history({ limit: 10_000 })).map((event) => event.kind);
    },
  };
  return scenario;
}

/** Watched and quiet for an hour. */
export function silent(now: number) {
  return { kind: 'timestamp' as const, watchingSince: now - minutes(60), watchedUntil: now, lastUseAt: undefined };
}

export async function expectRefusal(call: Promise<unknown>, code: ErrorCode, says: RegExp = /./): Promise<void> {
  const thrown: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(thrown, 'it was not refused').toBeInstanceOf(Error);
  expect([codeOf(thrown), thrown instanceof Error ? thrown.message : '']).toEqual([code, expect.stringMatching(says)]);
}
