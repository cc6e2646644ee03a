import { randomBytes } from 'node:crypto';
import { askGate } from '../../activities/ask-gate.ts';
import { destroyVersion } from '../../activities/destroy-version.ts';
import { issueAndStage } from '../../activities/issue-and-stage.ts';
import { planRotation } from '../../activities/plan-rotation.ts';
import type { ActivityPorts } from '../../activities/ports.ts';
import { promoteAndNotify } from '../../activities/promote-and-notify.ts';
import { revokeUntilDead } from '../../activities/revoke-until-dead.ts';
import { inMemory as inMemoryFactory, inMemoryBackend } from '../../backends/in-memory.ts';
import { createInMemoryWorld } from '../../backends/in-memory/world.ts';
import { registered } from '../../backends/registry.ts';
import type { Entry } from '../../domain/entry.ts';
import { KeybatonError } from '../../domain/errors.ts';
import { parseCredentialId, type CredentialId, type VersionId } from '../../domain/identifiers.ts';
import type { Answer, EffectInput, Planned } from '../../domain/rotation.ts';
import { openLedger } from '../../ledger/open.ts';
import { inMemory } from '../../providers/in-memory.ts';
import { digestOf, processWorld, standingKeys } from '../../providers/in-memory/world.ts';
import type { AnyProvider, Target } from '../../providers/provider.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { activityPorts } from '../../worker/activity-ports.ts';
import { installationKey } from '../../worker/installation-key.ts';
import { consumer, plainEntry } from '../support/entries.ts';
import { signal } from './rig.ts';

export const root = parseCredentialId('in-memory/test/root');
export const bot = parseCredentialId('in-memory/test/bot');

/** What the targets that `root` opens let their admin credentials do. */
type Denied = 'nothing' | 'kill' | 'everything';

/**
 * An admin credential, `root`, made at target `organization`, that opens target `bots`, where `bot` is made. Everything is real
 * but provider and backends; `bots` takes every admin credential that lives at `organization`.
 */
export async function openAdminRig() {
  const folder = temporaryFolder('admin-rig');
  const ledger = await openLedger({ url: `sqlite:${folder.path}/ledger.sqlite` });
  const organization = processWorld();
  const bots = processWorld();
  const shelf = createInMemoryWorld();
  const calls: { readonly call: string; readonly target: string; readonly value: string }[] = [];
  const denied = new Map<string, Denied>();
  let kills = true;

  const made: AnyProvider = inMemory({ world: () => bots });
  const asked = async (
    call: 'list' | 'revoke' | 'other',
    target: Pick<Target<unknown>, 'name' | 'admin'>,
  ): Promise<void> => {
    const value = (await target.admin()).revealValue();
    calls.push({ call, target: target.name, value });
    const living = standingKeys(organization, Date.now()).some(({ digest }) => digest === digestOf(value));
    const may = denied.get(value) ?? 'nothing';
    if (!living || may === 'everything' || (may === 'kill' && call === 'revoke'))
      throw new KeybatonError('ACCESS_DENIED', `the admin credential of ${target.name} may not`);
  };
  const guarded: AnyProvider = {
    ...made,
    preflight: async (...given) => (await asked('other', given[0]), made.preflight(...given)),
    list: async (...given) => (await asked('list', given[0]), made.list(...given)),
    async revoke(...given) {
      await asked('revoke', given[0]);
      if (!kills) throw new KeybatonError('UNAVAILABLE', 'nothing dies now');
      return made.revoke(...given);
    },
  };
  const ports = activityPorts({
    ledger,
    key: installationKey(randomBytes(32)),
    adapters: {
      providers: { organization: () => inMemory({ world: () => organization }), bots: () => guarded },
      backends: {
        'in-memory': registered({
          ...inMemoryFactory,
          create: (_settings, access) => inMemoryBackend(access.name, shelf, true),
        }),
      },
    },
    environment: { ADMIN: 'break-glass' },
    workflows: { watchTarget: async () => {}, settleDebt: async () => {}, wakeRotation: async () => {} },
  });

  const target = (provider: string, admin: string) => ({
    ...{ provider, environment: 'test', settings: {}, admin, teams: ['team'], paths: ['ai'], probes: {} },
  });
  const targets: Record<string, unknown> = {
    organization: target('organization', 'env:ADMIN'),
    bots: target('bots', `credential:${root}`),
  };
  const entries = new Map<CredentialId, Entry>(
    [root, bot].map((id) => [
      id,
      {
        ...plainEntry(id, 'team', [{ backend: 'shelf', path: `ai/${id}`, fields: undefined }]),
        target: id === root ? 'organization' : 'bots',
        ...(id === root ? { consumers: [consumer('keybaton')] } : {}),
      },
    ]),
  );
  const apply = async (): Promise<void> => {
    const backends = { shelf: { kind: 'in-memory', settings: {}, path: 'ai' } };
    await ledger.applyInventory({
      ...{ teams: ['team'], entries: [...entries.values()], targets: { targets, backends }, actor: 'test' },
    });
  };
  await apply();

  let runs = 0;
  const input = (credential: CredentialId, version: VersionId): EffectInput => ({
    ...{ credential, version, run: `run-${runs}`, compromised: [], watched: 0 },
  });
  const currentOf = async (id: CredentialId) => {
    const { epochs, versions } = await ledger.facts(id);
    const found = versions.find((one) => one.id === epochs[0]?.version);
    if (found === undefined) throw new Error(`${id} has no current version`);
    return found;
  };
  const doomedOf = async (id: CredentialId): Promise<VersionId> => {
    const found = (await ledger.facts(id)).versions.find(({ fate }) => fate === 'doomed');
    if (found === undefined) throw new Error(`${id} has no doomed version`);
    return found.id;
  };
  /** As the ledger's clock says it later. */
  const later = (by: number): ActivityPorts => ({
    ...ports,
    ledger: {
      ...ledger,
      facts: async (id: CredentialId) => {
        const facts = await ledger.facts(id);
        return { ...facts, now: facts.now + by };
      },
    },
  });
  const plan = (id: CredentialId, at: ActivityPorts = ports, changes: object = {}): Promise<Answer<Planned>> => {
    runs += 1;
    const asks = {
      credential: id,
      run: `run-${runs}`,
      reason: 'test',
      actor: 'test',
      rehearse: false,
      compromised: [],
    };
    return planRotation(at, { ...asks, ...changes }, signal());
  };
  const ask = async (id: CredentialId): Promise<void> => {
    await ledger.request({ kind: 'rotate', credential: id, who: 'test', why: 'test' });
  };
  /** Up to the promotion of the next version. */
  async function promote(id: CredentialId, at: ActivityPorts = ports, changes: object = {}): Promise<void> {
    if ((await ledger.facts(id)).epochs.length > 0) await ask(id);
    const planned = await plan(id, at, changes);
    if (planned.kind !== 'done' || planned.result.kind !== 'work')
      throw new Error(`nothing was planned: ${JSON.stringify(planned)}`);
    const { wanted, why, expectedEpoch } = planned.result.plan;
    if (wanted === undefined) throw new Error('nothing was wanted');
    await issueAndStage(ports, input(id, wanted), signal());
    await promoteAndNotify(ports, { ...input(id, wanted), why, expectedEpoch }, signal());
  }
  const gate = async (id: CredentialId) => askGate(ports, input(id, await doomedOf(id)), signal());
  const kill = async (id: CredentialId) => revokeUntilDead(ports, input(id, await doomedOf(id)), signal());
  const end = async (id: CredentialId): Promise<void> => {
    const { openRun } = await ledger.facts(id);
    if (openRun !== undefined) await ledger.endRun({ credential: id, run: openRun.run, outcome: 'rotated' });
  };

  return {
    ...{
      ledger,
      ports,
      calls,
      organization,
      bots,
      shelf,
      targets,
      entries,
      apply,
      later,
      plan,
      ask,
      promote,
      gate,
      kill,
      end,
    },
    ...{ currentOf, doomedOf, about: input },
    /** One whole rotation. */
    async rotate(id: CredentialId): Promise<void> {
      await promote(id);
      const old = (await ledger.facts(id)).versions.find(({ fate }) => fate === 'doomed');
      if (old !== undefined) {
        const answer = await revokeUntilDead(ports, input(id, old.id), signal());
        if (answer.kind !== 'done') throw new Error(`not killed: ${JSON.stringify(answer)}`);
        await destroyVersion(ports, input(id, old.id), signal());
      }
      await end(id);
    },
    /** The value that consumers of it read now. */
    shown: async (id: CredentialId): Promise<string> => {
      const backend = await ports.backend('shelf');
      const place = { credential: id, path: `ai/${id}` };
      const read = { signal: signal(), deadline: Date.now() + 5_000, now: () => Date.now() };
      return (await backend.read(place, 'current', read)).material.revealValue();
    },
    deny: (value: string, what: Denied) => void denied.set(value, what),
    nothingDies: (yes: boolean) => void (kills = !yes),
    close: async () => {
      await ledger.close();
      folder.remove();
    },
  };
}

export type AdminRig = Awaited<ReturnType<typeof openAdminRig>>;
