import { randomBytes } from 'node:crypto';
import { setTimeout as after } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containVersions } from '../../activities/containment/contain-versions.ts';
import type { ContainmentPorts } from '../../activities/containment/ports.ts';
import { proveVersions } from '../../activities/containment/prove-versions.ts';
import { inMemoryBackend } from '../../backends/in-memory.ts';
import { createInMemoryWorld } from '../../backends/in-memory/world.ts';
import { KeybatonError } from '../../domain/errors.ts';
import { parseCredentialId, type VersionId } from '../../domain/identifiers.ts';
import type { FrozenVersion } from '../../domain/incident.ts';
import { openAi } from '../../providers/openai.ts';
import type { AnyProvider, Issued, Target } from '../../providers/provider.ts';
import { bindProvider } from '../../worker/bind-provider.ts';
import { openAiTarget, openAiWorld, models, type OpenAiTarget } from '../providers/openai-world.ts';
import { issue, plan, provider as postgres, startBench, type PostgresBench } from '../providers/postgres-bench.ts';
import { freshPlace, isOpen } from '../providers/postgres-kit.ts';
import { callNow, freshVersion } from '../providers/provider-target.ts';
import { never, path, print } from './containment-rig.ts';

const credential = parseCredentialId('any/test/bot');

interface Kept {
  readonly ports: ContainmentPorts;
  readonly keep: (version: VersionId, issued: Issued, changes?: Partial<FrozenVersion>) => Promise<FrozenVersion>;
}

/** One real adapter with its target, and a backend that keeps what was issued. */
function kept<Settings>(adapter: AnyProvider, target: Target<Settings>): Kept {
  const provider = bindProvider(adapter, target);
  const backend = inMemoryBackend('shelf', createInMemoryWorld());
  return {
    ports: {
      provider: async () => provider,
      backend: async () => backend,
      fingerprint: print,
      now: () => Date.now(),
      random: (bytes) => randomBytes(bytes),
      sleep: async (milliseconds, signal) => {
        await after(milliseconds, undefined, { signal, ref: false }).catch(() => undefined);
      },
    },
    async keep(version, { ref, material }, changes = {}) {
      await backend.stage({ credential, path }, { version, ref, material }, callNow());
      return {
        credential,
        version,
        target: target.name,
        refs: [ref],
        lateUntil: 0,
        fingerprint: print(provider.name, material),
        places: [{ backend: 'shelf', path, fields: undefined }],
        onlyByHand: false,
        policy: 'revoke-first',
        killAt: 0,
        ...changes,
      };
    },
  };
}

const contain = (ports: ContainmentPorts, versions: readonly FrozenVersion[]) =>
  containVersions(ports, { incident: 'i1', versions }, never());
const prove = (ports: ContainmentPorts, versions: readonly FrozenVersion[]) =>
  proveVersions(ports, { incident: 'i1', versions }, never());

describe('an incident at openai', () => {
  const world = openAiWorld();

  async function minted(target: OpenAiTarget, version = freshVersion()): Promise<Issued> {
    const place = target.settings.project;
    return openAi().issue(target, { credential, version, place }, callNow());
  }

  async function three() {
    const target = openAiTarget(world());
    const { ports, keep } = kept(openAi(), target);
    const values: string[] = [];
    const versions: FrozenVersion[] = [];
    for (const version of [freshVersion(), freshVersion(), freshVersion()]) {
      const issued = await minted(target, version);
      values.push(issued.material.revealValue());
      versions.push(await keep(version, issued));
    }
    return { target, ports, keep, values, versions };
  }

  async function accountsOf({ settings: { project } }: OpenAiTarget): Promise<readonly unknown[]> {
    // The fake's own words.
    const accounts = (await world().fake.control('GET', '/accounts')) as { project: string; live: boolean }[];
    return accounts.filter((account) => account.project === project && account.live);
  }

  it('kills by ref, and proves each dead with its own value', async () => {
    const { ports, values, versions } = await three();
    expect((await contain(ports, versions)).map(({ contained }) => contained)).toEqual([true, true, true]);
    for (const value of values) expect(await models(world(), value)).toBe(401);
    for (const answer of await prove(ports, versions)) expect(answer).toMatchObject({ kind: 'dead', grade: 'refused' });
  });

  it('costs one call for each key and one to list: what is not the kill itself waits', async () => {
    const { target, ports, versions } = await three();
    const before = (await world().fake.activity()).requests.length;
    expect((await contain(ports, versions)).every(({ contained }) => contained)).toBe(true);
    const { requests } = await world().fake.activity();
    expect(requests.slice(before).map(({ operation }) => operation)).toEqual(['delete', 'delete', 'delete', 'list']);
    expect(await accountsOf(target)).toHaveLength(3);

    // Its rotation revokes once more, with time for the rest.
    for (const ref of versions.flatMap(({ refs }) => refs)) await openAi().revoke(target, ref, callNow());
    expect(await accountsOf(target)).toEqual([]);
  });

  it('leaves nothing behind where no rotation may ever tidy: keys that only their tag names', async () => {
    const { target, ports, versions } = await three();
    await contain(
      ports,
      versions.map((one) => ({ ...one, fingerprint: undefined, places: [] })),
    );
    expect(await accountsOf(target)).toEqual([]);
  });

  it('kills one whose create was never answered, by its tag', async () => {
    const { target, ports } = await three();
    const version = freshVersion();
    const issued = await minted(target, version);
    const { keep } = kept(openAi(), target);
    const frozen = await keep(version, issued, { refs: [], lateUntil: Date.now() - 1 });
    await expect(contain(ports, [frozen])).resolves.toMatchObject([{ contained: true, seen: [{ id: issued.ref.id }] }]);
    expect(await models(world(), issued.material.revealValue())).toBe(401);
  });

  it('does what it can when it is told to wait, says for how long, and ends it later', async () => {
    const { ports, versions } = await three();
    await world().fake.faults({
      failNext: { operation: 'delete', count: 100, status: 429, retryAfter: '7' },
    });
    const answers = await contain(ports, versions);
    expect(answers.map(({ trouble }) => [trouble?.code, trouble?.againIn, trouble?.person])).toEqual(
      versions.map(() => ['RATE_LIMITED', 7_000, false]),
    );
    await world().fake.faults({ failNext: null });
    expect((await contain(ports, versions)).every(({ contained }) => contained)).toBe(true);
  });

  it('takes an outage of its authentication for no death', async () => {
    const { ports, versions } = await three();
    await contain(ports, versions);
    await world().fake.faults({ refuseEveryone: true });
    for (const answer of await prove(ports, versions)) expect(answer).toMatchObject({ kind: 'cannot tell' });
  });

  it('repeats nothing of errors that hold secrets', async () => {
    const { ports, values, versions } = await three();
    await world().fake.faults({ secretInErrors: true, failNext: { count: 100, status: 500 } });
    const told = JSON.stringify([await contain(ports, versions), await prove(ports, versions)]);
    expect(told).toContain('"contained":false');
    for (const secret of [...values, world().fake.adminKey]) expect(told).not.toContain(secret);
  });
});

describe('an incident at a postgres', () => {
  let bench: PostgresBench;
  beforeAll(async () => void (bench = await startBench()));
  afterAll(() => bench.stop());

  async function current() {
    const { target } = await freshPlace(bench.server, bench.proxy.port);
    const request = await plan(target);
    const issued = await issue(target, request);
    const { ports, keep } = kept(postgres, target);
    return { target, issued, ports, frozen: await keep(request.version, issued) };
  }

  it('kills a login and every session a thief holds open, and proves it', async () => {
    const { ports, issued, frozen } = await current();
    const thief = await bench.login(issued.material);
    await expect(contain(ports, [frozen])).resolves.toMatchObject([{ contained: true }]);
    expect(await isOpen(thief)).toBe(false);
    await expect(prove(ports, [frozen])).resolves.toMatchObject([{ kind: 'dead', grade: 'refused' }]);
  });

  it('again is success, and leaves the next tenant of the slot alone', async () => {
    const { target, ports, issued, frozen } = await current();
    await contain(ports, [frozen]);
    const other = await plan(target, [], [issued.ref]);
    // The same slot: its tenant is dead.
    const next = await issue(target, { ...other });
    await expect(contain(ports, [frozen])).resolves.toMatchObject([{ contained: true }]);
    const client = await bench.login(next.material);
    expect(await isOpen(client)).toBe(true);
    await client.end();
  });

  it('cannot tell whose a role without a mark is, and leaves it to a person', async () => {
    const { ports, issued, frozen } = await current();
    await bench.superuser.query(`comment on role ${issued.ref.id} is null`);
    const [answer] = await contain(ports, [frozen]);
    expect(answer).toMatchObject({ contained: false, trouble: { code: 'CONFLICT', person: true } });
    expect(answer?.trouble?.why).toContain('by hand:');
    expect((await bench.roleNow(issued.ref.id)).login).toBe(true);
    const unread = { ...frozen, places: [] };
    await expect(prove(ports, [unread])).resolves.toMatchObject([{ kind: 'listed' }]);
  });

  it('is asked again where its answer was lost', async () => {
    const { ports, frozen } = await current();
    bench.proxy.loseNextCommit();
    let answers = await contain(ports, [frozen]);
    if (answers[0]?.contained !== true) answers = await contain(ports, [frozen]);
    expect(answers).toMatchObject([{ contained: true }]);
    await expect(prove(ports, [frozen])).resolves.toMatchObject([{ kind: 'dead', grade: 'refused' }]);
  });

  it('without its backend it is absent once the list has answered', async () => {
    const { ports, frozen } = await current();
    await contain(ports, [frozen]);
    const down: ContainmentPorts = {
      ...ports,
      backend: async () => {
        throw new KeybatonError('UNAVAILABLE', 'the backend is down');
      },
    };
    await expect(prove(down, [frozen])).resolves.toMatchObject([{ kind: 'dead', grade: 'absent' }]);
  });
});
