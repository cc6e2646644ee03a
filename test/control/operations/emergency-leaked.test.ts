import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { declareEmergency } from '../../../control/operations/emergency.ts';
import { resolveLeaked } from '../../../control/operations/emergency-leaked.ts';
import { KeybatonError } from '../../../domain/errors.ts';
import { parseCredentialId, parseVersionId } from '../../../domain/identifiers.ts';
import type { VersionId } from '../../../domain/identifiers.ts';
import type { FrozenVersion } from '../../../domain/incident.ts';
import { SecretMaterial } from '../../../domain/secret-material.ts';
import type { KillSheet } from '../../../ledger/ledger.ts';
import { openBench } from '../bench.ts';
import type { Bench } from '../bench.ts';

const bot = parseCredentialId('in-memory/prod/bot');
const leaked = 'canary-0815-leaked';
const value = new SecretMaterial({ value: leaked }, 'value');

let bench: Bench;
let version: VersionId;

beforeEach(async () => {
  bench = await openBench();
  await bench.apply();
  version = await bench.promote(bot);
  bench.incidents.prints.set(leaked, [
    { provider: 'other', fingerprint: 'kb1:p:nobody' },
    { provider: 'in-memory', fingerprint: `kb1:p:${version}` },
  ]);
});
afterEach(() => bench.close());

const readTargets = async () => ({ targets: {}, backends: {} });
const resolve = () => resolveLeaked(bench.incidents.ports, { value, targetsFile: readTargets });
const down = new KeybatonError('UNAVAILABLE', 'the ledger is locked');
const noKey = new KeybatonError('NOT_FOUND', 'there is no installation key');

function guessed(): FrozenVersion {
  return {
    credential: bot,
    version,
    target: 'memory',
    refs: [{ id: 'key-1' }],
    lateUntil: 0,
    fingerprint: undefined,
    places: [],
    onlyByHand: false,
    policy: 'revoke-first',
    killAt: 0,
  };
}

function sheet(): KillSheet {
  const one = { version, fate: 'doomed', target: 'memory', compromised: false, refs: [], openIntents: [] };
  return {
    format: 1,
    installation: 'abcd1234',
    n: 1,
    at: 0,
    targets: {},
    credentials: [
      {
        credential: bot,
        status: 'managed',
        target: 'memory',
        team: 'search',
        groups: [],
        emergency: { policy: 'revoke-first', bound: 0 },
        backends: [],
        versions: [{ ...one, fingerprint: `kb1:p:${version}`, onlyByHand: false }],
      },
    ],
  };
}

describe('a leaked value', () => {
  test('is exactly the version with its fingerprint, and no other of its credential', async () => {
    await bench.end(bot, 'run-0', 'rotated').catch(() => undefined);
    const newer = await bench.promote(bot, 'second');
    const resolved = await resolve();
    expect(resolved).toMatchObject({ source: 'ledger', scope: `a leaked value of ${bot}`, deadAlready: [] });
    expect(resolved.versions.map((one) => one.version)).toEqual([version]);
    expect(newer).not.toBe(version);
  });

  test('of a dead version is told as dead, since when, and nothing is to be killed', async () => {
    await bench.ledger.declareIncident({ incident: 'i1', versions: [version], who: 'os:ada', why: 'x' });
    await bench.ledger.dead({ version, grade: 'refused' });
    expect(await resolve()).toMatchObject({
      versions: [],
      deadAlready: [{ credential: bot, version, at: expect.any(Number) }],
    });
  });

  test('is found on the kill sheet while the ledger is down', async () => {
    bench.incidents.ledgerDown = down;
    bench.incidents.sheet = sheet();
    expect(await resolve()).toMatchObject({
      source: 'kill sheet',
      versions: [{ version }],
      troubles: ['ledger: the ledger is locked'],
    });
  });

  test('without ledger and sheet is found by what the provider shows of its keys', async () => {
    bench.incidents.ledgerDown = down;
    bench.incidents.hints.set(leaked, [guessed()]);
    expect(await resolve()).toMatchObject({ source: 'provider hints', versions: [{ version }] });
  });

  test('that several masked ends fit kills none of them until the count is typed', async () => {
    bench.incidents.ledgerDown = down;
    const other = parseVersionId('kb' + 'b'.repeat(30));
    bench.incidents.hints.set(leaked, [guessed(), { ...guessed(), version: other }]);
    const resolved = await resolve();
    const declare = (count: number | undefined) =>
      declareEmergency(bench.incidents.ports, {
        resolved,
        who: 'os:ada',
        why: 'in a log',
        direct: true,
        count,
        signal: AbortSignal.timeout(10_000),
      });
    await expect(declare(undefined)).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining('say --count 2'),
    });
    await expect(declare(1)).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
    expect((await declare(2)).keys).toBe(2);
  });

  test('without an installation key is found by the values that are stored now, and says what is missing', async () => {
    bench.incidents.keyMissing = noKey;
    bench.incidents.sheet = sheet();
    bench.incidents.stored.set(leaked, [guessed()]);
    expect(await resolve()).toMatchObject({
      source: 'stored values',
      versions: [{ version }],
      troubles: expect.arrayContaining(['fingerprints: there is no installation key']),
    });
  });

  test('that no fingerprint of ours fits is nobody we know, whatever masked end it has', async () => {
    bench.incidents.prints.set(leaked, [{ provider: 'other', fingerprint: 'kb1:p:nobody' }]);
    bench.incidents.hints.set(leaked, [guessed()]);
    bench.incidents.shapes.set(leaked, ['openai']);
    expect(await resolve()).toMatchObject({ source: 'nothing known', versions: [], shapes: ['openai'] });
  });

  test('that only the kill sheet could be asked about may belong to a dead one, and that is said', async () => {
    bench.incidents.ledgerDown = down;
    bench.incidents.sheet = { ...sheet(), credentials: [] };
    expect((await resolve()).troubles).toContain(
      'the kill sheet knows only keys that may live: the value may belong to one that is dead',
    );
  });
});
