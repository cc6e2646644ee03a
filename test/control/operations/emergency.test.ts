import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { resolveEmergency } from '../../../control/operations/emergency-resolve.ts';
import type { EmergencyScope } from '../../../control/operations/emergency-scope.ts';
import { KeybatonError } from '../../../domain/errors.ts';
import { parseCredentialId, type VersionId } from '../../../domain/identifiers.ts';
import type { Bench } from '../bench.ts';
import { ads, bot, lab } from '../emergency-inventory.ts';
import { declareAt, openEmergencies, resolveAt, sheetOf } from './emergency-rig.ts';

let bench: Bench;
let made: Awaited<ReturnType<typeof openEmergencies>>['made'];

beforeEach(async () => {
  ({ bench, made } = await openEmergencies());
});
afterEach(() => bench.close());

const resolve = (scope: Partial<EmergencyScope>) => resolveAt(bench, scope);
const ids = async (scope: Partial<EmergencyScope>): Promise<readonly string[]> =>
  (await resolve(scope)).versions.map(({ credential }) => credential).toSorted();
const declare = (...given: Parameters<typeof declareAt> extends [unknown, ...infer Rest] ? Rest : never) =>
  declareAt(bench, ...given);

describe('a scope', () => {
  test('of several credentials is all of them', async () => {
    expect(await ids({ credentials: [bot, lab] })).toEqual([lab, bot]);
  });

  test.each([
    [{ provider: 'in-memory' }, [lab, ads, bot]],
    [{ team: 'ads' }, [ads]],
    [{ environment: 'lab' }, [lab]],
    [{ group: 'chat' }, [lab, bot]],
    [{ backend: 'vault' }, [lab, ads, bot]],
    [{ leakSource: 'web' }, [ads, bot]],
  ] as const)('%j means what says so of itself', async (scope, expected) => {
    expect(await ids(scope)).toEqual(expected);
  });

  test('of several options is what all of them mean', async () => {
    expect(await ids({ group: 'chat', environment: 'prod' })).toEqual([bot]);
  });

  test.each([
    [{ team: 'serach' }, 'no credential has this team: there is ads, search'],
    [{ environment: 'stage' }, 'no credential has this environment: there is lab, prod'],
    [{ leakSource: 'nobody' }, 'no credential has this leak source: there is batch, lab, web'],
    [
      { credentials: [parseCredentialId('in-memory/prod/bto')] },
      'there is no credential in-memory/prod/bto: there is in-memory/prod/ads, in-memory/prod/bot',
    ],
    [{ team: 'ads', environment: 'lab' }, 'no credential is meant by all of them'],
  ])('%j that means nothing says what there is', async (scope, text) => {
    await expect(resolve(scope)).rejects.toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining(text) });
  });

  test('that leaves out a credential which is named is refused, so that it does not live on unnoticed', async () => {
    await expect(resolve({ credentials: [bot], team: 'ads' })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: `${bot} is named, but not of this team: leave out one of the two`,
    });
  });

  test('without anything is refused', async () => {
    await expect(resolve({})).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  });

  test('whose keys are all dead says so', async () => {
    await bench.ledger.declareIncident({ incident: 'i1', versions: [made.lab], who: 'os:ada', why: 'x' });
    await bench.ledger.dead({ version: made.lab, grade: 'refused' });
    await expect(resolve({ credentials: [lab] })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('nothing to kill'),
    });
  });

  test('takes a version in the making along only where what leaked may hold it', async () => {
    const facts = await bench.ledger.facts(lab);
    const pending = `kb${'z'.repeat(30)}` as VersionId;
    await bench.ledger.planVersion({
      credential: lab,
      version: pending,
      target: 'lab',
      as: 'pending',
      baseline: { place: 'here', live: [], at: facts.now },
    });
    expect((await resolve({ credentials: [lab] })).versions.map(({ version }) => version)).toEqual([made.lab]);
    expect((await resolve({ environment: 'lab' })).versions.map(({ version }) => version)).toEqual([made.lab, pending]);
  });
});

describe('the frozen set', () => {
  test('counts each policy from the declaration, not from when it was looked up', async () => {
    const resolved = await resolve({ leakSource: 'web' });
    const declared = await declare({ ...resolved, at: resolved.at });
    const [one] = bench.incidents.declared;
    const at = new Map(one?.parts.flatMap((part) => part.versions).map((v) => [v.credential, v.killAt]));
    expect([at.get(bot), at.get(ads)]).toEqual([declared.declaredAt, declared.declaredAt + 600_000]);
  });

  test('comes from the kill sheet while the ledger hangs, refs of open creates among it', async () => {
    bench.incidents.ledgerDown = 'hangs';
    bench.incidents.sheet = sheetOf(made.bot);
    const { source, versions, troubles } = await resolve({ credentials: [bot] });
    expect([source, troubles]).toEqual(['kill sheet', ['ledger: the ledger did not answer within 2 s']]);
    expect(versions).toEqual([
      {
        credential: bot,
        version: made.bot,
        target: 'memory',
        refs: [{ id: 'key-1' }, { id: 'key-2' }],
        lateUntil: 77,
        fingerprint: 'kb1:p:x',
        places: [{ backend: 'vault', path: 'ai/bot', fields: undefined }],
        onlyByHand: false,
        policy: 'revoke-first',
        killAt: expect.any(Number),
      },
    ]);
  });

  test('comes from the kill sheet when the ledger was made anew and knows nothing of it', async () => {
    const lost = parseCredentialId('in-memory/prod/lost');
    const [one] = sheetOf(made.bot).credentials;
    if (one === undefined) throw new Error('the sheet is empty');
    bench.incidents.sheet = { ...sheetOf(made.bot), credentials: [{ ...one, credential: lost }] };
    expect(await resolve({ credentials: [lost] })).toMatchObject({
      source: 'kill sheet',
      troubles: [expect.stringContaining('there is no credential in-memory/prod/lost')],
    });
  });

  test('comes from what providers list when neither ledger nor sheet is there', async () => {
    const [version] = (await resolve({ credentials: [bot] })).versions;
    if (version === undefined) throw new Error('nothing resolved');
    bench.incidents.ledgerDown = new KeybatonError('NOT_FOUND', 'there is no ledger');
    bench.incidents.listed = [version];
    const targetsFile = async () => ({
      targets: { memory: { provider: 'in-memory', environment: 'prod' } } as never,
      backends: {},
    });
    const scope = { credentials: [], provider: 'in-memory' };
    expect(await resolveEmergency(bench.incidents.ports, { scope, targetsFile })).toMatchObject({
      source: 'provider lists',
      versions: [version],
      troubles: ['ledger: there is no ledger', 'kill sheet: there is none'],
    });
    await expect(
      resolveEmergency(bench.incidents.ports, { scope: { credentials: [], team: 'ads' }, targetsFile }),
    ).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
