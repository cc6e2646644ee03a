import { randomBytes } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { containVersions } from '../../activities/containment/contain-versions.ts';
import { inMemory as inMemoryFactory, inMemoryBackend } from '../../backends/in-memory.ts';
import { createInMemoryWorld, type InMemoryWorld } from '../../backends/in-memory/world.ts';
import { registered } from '../../backends/registry.ts';
import { frozenFrom } from '../../domain/freeze.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import type { KillFact } from '../../domain/incident.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import type { KillSheet } from '../../ledger/ledger.ts';
import { inMemory } from '../../providers/in-memory.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { plantKey } from '../../providers/in-memory/world.ts';
import { openAi } from '../../providers/openai.ts';
import { adaptersOf, declarationOf, directRig, installation, type DirectRig } from './direct-kill-rig.ts';
import { callNow } from '../providers/provider-target.ts';

let rig: DirectRig;
beforeEach(() => void (rig = directRig()));
afterEach(() => rig.close());

const valueOf = (text: string): SecretMaterial => new SecretMaterial({ value: text }, 'value');
const known = (changes: Parameters<DirectRig['open']>[0] = {}) => rig.open(changes).known;

describe('the kill sheet', () => {
  it('is read where there is one', async () => {
    const { sheet, trouble } = await known().killSheet();
    expect(trouble).toBeUndefined();
    expect(sheet).toMatchObject({ installation, credentials: [] });
  });

  it.each([
    ['missing', () => undefined, /there is no kill sheet/],
    ['torn', (path: string) => writeFileSync(path, '{"format":1,"inst'), /damaged/],
    ['of another build', (path: string) => writeFileSync(path, '{"format":2}'), /no kill sheet of this build/],
  ])('that is %s is told, not thrown', async (_how, spoil, says) => {
    const killSheet = join(rig.home, 'other.json');
    spoil(killSheet);
    const { sheet, trouble } = await known({ killSheet }).killSheet();
    expect(sheet).toBeUndefined();
    expect(trouble).toMatch(says);
  });

  it('goes through whole, with what other builds have added', async () => {
    const path = join(rig.home, 'newer.json');
    writeFileSync(
      path,
      JSON.stringify({ format: 1, installation, n: 1, at: 1, targets: {}, credentials: [], more: 7 }),
    );
    chmodSync(path, 0o600);
    expect((await known({ killSheet: path }).killSheet()).sheet).toMatchObject({ more: 7 });
  });
});

describe('keys that the providers list', () => {
  it('are ours by their tag, and go by their version where nobody knows whose they are', async () => {
    const { frozen } = rig.plant();
    plantKey(rig.world, { id: 'console', value: 'console', at: Date.now() });
    plantKey(rig.world, { id: 'theirs', value: 'theirs', tag: `other1:${frozen.version}`, at: Date.now() });
    const { versions, troubles } = await known().listed(rig.targets, installation);
    expect(troubles).toEqual([]);
    expect(versions).toMatchObject([
      {
        credential: `in-memory/test/${frozen.version}`,
        version: frozen.version,
        target: 'memory',
        refs: frozen.refs,
        fingerprint: undefined,
        places: [],
        policy: 'revoke-first',
      },
    ]);
  });

  it('go by their credential where the kill sheet knows it', async () => {
    const { frozen } = rig.plant();
    rig.writeSheet({ credentials: [onSheet(frozen)] });
    const { versions } = await known().listed(rig.targets, installation);
    expect(versions.map(({ credential }) => credential)).toEqual([frozen.credential]);
  });

  it('can be killed as they were listed', async () => {
    rig.plant();
    rig.plant();
    const open = rig.open();
    const { versions } = await open.known.listed(rig.targets, installation);
    expect(versions).toHaveLength(2);
    await containVersions(open.ports, { incident: 'i1', versions }, AbortSignal.timeout(10_000));
    expect(rig.standing()).toEqual([]);
  });

  it('of a target that does not answer are a trouble, and stop no other', async () => {
    const { frozen } = rig.plant();
    const { targets } = rig.targets as { targets: { memory: { settings: object } } };
    const two = {
      targets: { memory: targets.memory, other: { ...targets.memory, admin: 'env:MISSING' } },
      backends: {},
    };
    const { versions, troubles } = await known().listed(two, installation);
    expect(versions.map(({ version }) => version)).toEqual([frozen.version]);
    expect(troubles).toEqual([expect.stringMatching(/^target other could not be asked: .*env:MISSING/)]);
  });

  it('are nobody’s while nobody says whose tags are ours', async () => {
    rig.plant();
    const { versions, troubles } = await known({ killSheet: join(rig.home, 'none.json') }).listed(
      rig.targets,
      undefined,
    );
    expect(versions).toEqual([]);
    expect(troubles).toHaveLength(1);
  });

  it('tell nothing of what a leaking adapter throws', async () => {
    rig.plant();
    scriptTrouble(rig.world, 'list', { kind: 'leak', how: 'message' });
    const { troubles } = await known({ environment: { ADMIN: 'kbcanary-admin' } }).listed(rig.targets, installation);
    expect(troubles).toEqual(['target memory could not be asked: its adapter failed']);
  });
});

describe('a value that leaked', () => {
  it('has the fingerprint that its version has, for each adapter once', async () => {
    const { frozen, value } = rig.plant();
    const adapters = adaptersOf();
    const twice = {
      ...adapters,
      providers: { ...adapters.providers, again: () => inMemory(), openai: () => openAi() },
    };
    const prints = await known({ adapters: twice }).fingerprints(valueOf(value));
    expect(prints.map(({ provider }) => provider)).toEqual(['in-memory', 'openai']);
    expect(prints.map(({ fingerprint }) => fingerprint)).toContain(frozen.fingerprint);
  });

  it('has none without the installation key, and that is said', async () => {
    await expect(known({ key: undefined }).fingerprints(valueOf('any'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('shows by its shape whose it may be', () => {
    const adapters = adaptersOf();
    const both = { ...adapters, providers: { ...adapters.providers, openai: () => openAi() } };
    const open = known({ adapters: both });
    const shaped = `sk-proj-${'a'.repeat(74)}T3BlbkFJ${'b'.repeat(74)}`;
    expect(open.providersByShape(valueOf(shaped))).toEqual(['openai']);
    expect(open.providersByShape(valueOf('hello'))).toEqual([]);
  });

  it('is found by what the provider shows of it; a key that is not ours is told, never killed', async () => {
    const { frozen, value } = rig.plant();
    const foreign = `kbmem_${randomBytes(32).toString('base64url')}`;
    plantKey(rig.world, { id: 'console', value: foreign, at: Date.now() });
    const masked = (text: string): string => `${text.slice(0, 8)}...${text.slice(-6)}`;
    const adapters = adaptersOf((adapter) => ({
      ...adapter,
      list: async (target, call) =>
        (await adapter.list(target, call)).map((live) => ({
          ...live,
          hint: masked(live.ref.id === 'console' ? foreign : value),
        })),
    }));
    const open = known({ adapters });
    expect((await open.byHint(valueOf(value), rig.targets)).versions.map(({ version }) => version)).toEqual([
      frozen.version,
    ]);
    const { versions, troubles } = await open.byHint(valueOf(foreign), rig.targets);
    expect(versions).toEqual([]);
    expect(troubles).toEqual([expect.stringContaining('key console of target memory fits what leaked')]);
    expect(JSON.stringify(troubles)).not.toContain(foreign);
  });

  it('fits every key of ours that shows the same end: how many is for a person to say', async () => {
    const [one, other] = [rig.plant(), rig.plant()];
    const masked = `${one.value.slice(0, 8)}...${one.value.slice(-6)}`;
    const adapters = adaptersOf((adapter) => ({
      ...adapter,
      list: async (target, call) => (await adapter.list(target, call)).map((live) => ({ ...live, hint: masked })),
    }));
    const { versions } = await known({ adapters }).byHint(valueOf(one.value), rig.targets);
    expect(versions.map(({ version }) => version).toSorted()).toEqual(
      [one.frozen.version, other.frozen.version].toSorted(),
    );
  });

  it('is found in the backends of the kill sheet, without the installation key too', async () => {
    const { frozen, value } = rig.plant();
    const { frozen: other, value: otherValue } = rig.plant();
    const shelf = createInMemoryWorld();
    await stage(shelf, frozen, value);
    await stage(shelf, other, otherValue);
    const sheet = sheetWith(rig, [onSheet(frozen), onSheet(other)]);
    rig.writeSheet(sheet);
    for (const key of [rig.key, undefined]) {
      const open = known({ key, adapters: withShelf(shelf) });
      const { versions, troubles } = await open.byStoredValue(valueOf(value), sheet);
      expect(troubles).toEqual([]);
      expect(versions.map(({ version }) => version)).toEqual([frozen.version]);
      expect(versions[0]?.refs).toEqual(frozen.refs);
    }
  });

  it('that cannot be compared because a backend is down is a trouble', async () => {
    const { frozen, value } = rig.plant();
    const shelf = createInMemoryWorld();
    await stage(shelf, frozen, value);
    shelf.script('throw-secret-text', { operation: 'read' });
    const sheet = sheetWith(rig, [onSheet(frozen)]);
    rig.writeSheet(sheet);
    const { versions, troubles } = await known({ adapters: withShelf(shelf) }).byStoredValue(valueOf(value), sheet);
    expect(versions).toEqual([]);
    expect(troubles).toEqual(['backend shelf could not be read: its adapter failed']);
  });
});

describe('a direct kill of one of several versions', () => {
  it('takes a provider that refuses everyone for no death: what is current must be accepted', async () => {
    const [old, survivor] = [rig.plant(), rig.plant()];
    const shelf = createInMemoryWorld();
    await stage(shelf, old.frozen, old.value);
    await stage(shelf, survivor.frozen, survivor.value);
    const [former, current] = [onSheet(old.frozen), onSheet(survivor.frozen)];
    const [doomed] = former.versions.map((one) => ({ ...one, fate: 'doomed' }));
    if (doomed === undefined) throw new Error('it was planted');
    const credential = parseCredentialId('in-memory/test/bot');
    const both = { ...current, credential, versions: [doomed, ...current.versions] };
    rig.writeSheet(sheetWith(rig, [both]));
    const { providers } = adaptersOf((adapter) => ({ ...adapter, verify: async () => 'refused' as const }));
    const stop = new AbortController();
    const facts: KillFact[] = [];
    const progress = await rig.open({ adapters: { ...withShelf(shelf), providers } }).direct.run({
      declaration: declarationOf('i1'),
      versions: frozenFrom(both, [old.frozen.version], Date.now()),
      onFact(fact) {
        facts.push(fact);
        if (fact.kind === 'trouble' || fact.kind === 'dead') stop.abort();
      },
      signal: AbortSignal.any([stop.signal, AbortSignal.timeout(20_000)]),
    });
    expect(progress).toMatchObject({ contained: 1, dead: 0 });
    expect(facts).toContainEqual(
      expect.objectContaining({ kind: 'trouble', why: expect.stringContaining('control call is not accepted') }),
    );
  });
});

const credentialPath = 'ai/test/bot';

function onSheet({ credential, version, refs, fingerprint }: ReturnType<DirectRig['plant']>['frozen']) {
  return {
    credential,
    status: 'managed',
    target: 'memory',
    team: 'team',
    groups: [],
    emergency: { policy: 'revoke-first' as const, bound: 600_000 },
    backends: [{ backend: 'shelf', path: credentialPath }],
    versions: [
      {
        version,
        fate: 'current',
        target: 'memory',
        compromised: false,
        fingerprint,
        refs: [...refs],
        openIntents: [],
        onlyByHand: false,
      },
    ],
  };
}

function sheetWith({ targets }: DirectRig, credentials: KillSheet['credentials']): KillSheet {
  const { targets: known } = targets as { targets: object };
  const backends = { shelf: { kind: 'in-memory', settings: {}, path: 'ai' } };
  return { format: 1, installation, n: 1, at: Date.now(), targets: { targets: known, backends }, credentials };
}

const withShelf = (shelf: InMemoryWorld) => ({
  ...adaptersOf(),
  backends: {
    'in-memory': registered({
      ...inMemoryFactory,
      create: (_settings, access) => inMemoryBackend(access.name, shelf),
    }),
  },
});

async function stage(
  shelf: InMemoryWorld,
  { version, refs: [ref] }: ReturnType<DirectRig['plant']>['frozen'],
  value: string,
): Promise<void> {
  if (ref === undefined) throw new Error('it has a ref');
  const material = new SecretMaterial({ api_key: value }, 'api_key');
  const place = { credential: parseCredentialId('in-memory/test/bot'), path: credentialPath };
  await inMemoryBackend('shelf', shelf).stage(place, { version, ref, material }, callNow());
}
