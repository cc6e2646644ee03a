import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { embeddedBackend, openEmbedded } from '../../../backends/embedded.ts';
import { createReadMain } from '../../../backends/embedded/read-main.ts';
import type { BackendCall } from '../../../backends/backend.ts';
import { openAccessLog } from '../../../control/access/access-log.ts';
import { openConsumerTokens } from '../../../control/access/consumer-tokens.ts';
import { startHttpApi } from '../../../control/http-api/start.ts';
import { makeConsumerToken } from '../../../control/operations/consumer-token.ts';
import type { ControlPorts } from '../../../control/ports.ts';
import type { Entry } from '../../../domain/entry.ts';
import { KeybatonError } from '../../../domain/errors.ts';
import type { EpochReason } from '../../../domain/facts.ts';
import { parseCredentialId, parseVersionId, versionIdFrom } from '../../../domain/identifiers.ts';
import type { VersionId } from '../../../domain/identifiers.ts';
import { SecretMaterial } from '../../../domain/secret-material.ts';
import { openProofKey, possessionProof, proofKey, proofMatches, sealProofKey } from '../../../evidence/possession.ts';

import { openLedger } from '../../../ledger/open.ts';
import { installationKey } from '../../../worker/installation-key.ts';

export const credential = parseCredentialId('in-memory/dev/app');
export const base = '/v1/credentials/in-memory/dev/app';

/** A rotation as the ledger and the embedded vault see one, without the workflow: real SQLite, real vault, real TCP. */
export async function openWorld(
  consumers: readonly string[] = ['web', 'batch'],
  options: { requestTimeout?: number; streamFor?: number } = {},
) {
  const home = await mkdtemp(join(tmpdir(), 'keybaton-api-'));
  const key = installationKey(randomBytes(32));
  const real = await openLedger({
    url: `sqlite:${join(home, 'ledger.sqlite')}`,
    killSheet: join(home, 'kill-sheet.json'),
  });
  const vaultFile = openEmbedded({ file: join(home, 'vault.sqlite') }, { key: (purpose) => key.derive(purpose) });
  const backend = embeddedBackend('embedded', vaultFile);
  const readMain = createReadMain(vaultFile);
  const place = { credential, path: 'ai/dev/providers/in-memory/keys/app' };
  const state = { ledgerDown: false, wakeFails: false, diskFull: false };
  const wakes: string[] = [];
  const logged: string[] = [];
  const values: string[] = [];
  const run = randomUUID();

  /** The real ledger, which can be cut off. */
  const ledger = new Proxy(real, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return (...given: unknown[]): unknown =>
        state.ledgerDown
          ? Promise.reject(new KeybatonError('UNAVAILABLE', 'the ledger does not answer'))
          : Reflect.apply(method, target, given);
    },
  });

  const not = (): never => {
    throw new Error('not part of this test');
  };
  const ports: ControlPorts = {
    ledger,
    rotations: {
      start: not,
      escalate: not,
      status: not,
      ping: not,
      async wake(woken) {
        wakes.push(woken);
        if (state.wakeFails) throw new KeybatonError('UNAVAILABLE', 'temporal does not answer');
      },
    },
    checks: { plan: not, doctor: not, demands: not },
    vault: {
      async read(_credential, which) {
        const { version, epoch, fields } = readMain(place.path, which);
        return { version: parseVersionId(version), epoch, fields };
      },
    },
    proofKeys: {
      read: async (version) => openProofKey(key.derive('proofs'), version, await ledger.proofKey(version)),
    },
    supplies: { supply: not, import: not },
    now: () => Date.now(),
    random: (bytes) => randomBytes(bytes),
  };

  const apply = (names: readonly string[]) =>
    real.applyInventory({ teams: ['ml'], entries: [entry(names)], targets: {}, actor: 'os:test' });
  await apply(consumers);
  await real.startRun({ credential, run, reason: 'neverRotated', actor: 'os:test' });

  const tokens = openConsumerTokens(join(home, 'consumer-tokens.jsonl'));
  const fileLog = await openAccessLog(join(home, 'access.jsonl'));
  const accessLog = {
    ...fileLog,
    record: (read: Parameters<typeof fileLog.record>[0]) =>
      state.diskFull
        ? Promise.reject(new KeybatonError('CAPACITY_EXHAUSTED', 'the disk is full'))
        : fileLog.record(read),
  };
  const start = (port = 0) =>
    startHttpApi({
      ports,
      tokens,
      accessLog,
      checkProof: proofMatches,
      port,
      askEvery: 20,
      pingEvery: 200,
      closeWithin: 200,
      log: { write: (line) => void logged.push(line) },
      ...options,
    });
  let api = await start();
  const call = (): BackendCall => ({
    signal: AbortSignal.timeout(5_000),
    deadline: Date.now() + 5_000,
    now: () => Date.now(),
  });

  /** Issued and staged, not yet decided. */
  async function issue(): Promise<VersionId> {
    const version = versionIdFrom(randomBytes(64));
    const value = `canary-${randomBytes(18).toString('hex')}`;
    values.push(value);
    const material = new SecretMaterial({ username: 'someone', api_key: value }, 'api_key');
    const ref = { id: version };
    const baseline = { place: 'project', live: [], at: Date.now() };
    await real.planVersion({ credential, version, target: 'memory', as: 'pending', baseline });
    await real.intend({ version, effect: 'issue', place: 'project', within: 1_000 });
    await backend.stage(place, { version, ref, material }, call());
    const sealed = sealProofKey(key.derive('proofs'), version, proofKey(material, version));
    const copies = [{ backend: 'embedded', path: place.path }];
    await real.issued({ version, ref, fingerprint: `kb1:${key.id}:${version}`, copies, proofKey: sealed });
    return version;
  }

  async function decide(version: VersionId, why: EpochReason): Promise<number> {
    const expectedEpoch = (await real.facts(credential)).epochs[0]?.epoch ?? 0;
    return (await real.decide({ credential, version, expectedEpoch, why, run })).epoch;
  }

  async function show(version: VersionId, epoch: number, expected: VersionId | undefined): Promise<void> {
    await backend.promote(place, { version, epoch, expected }, call());
    await real.promoted({ version, epoch, backend: 'embedded', path: place.path });
  }

  const newest = async () => {
    const standing = (await real.facts(credential)).epochs[0];
    if (standing === undefined) throw new Error('nothing was promoted');
    return standing;
  };

  return {
    home,
    ledger: real,
    ports,
    tokens,
    wakes,
    logged,
    values,
    state,
    apply,
    decide,
    show,
    newest,
    issue,
    url: () => api.url,

    /** Issue, decide, promote: what a rotation does up to its wait for evidence. */
    async rotate() {
      const before = (await real.facts(credential)).epochs[0]?.version;
      const version = await issue();
      const epoch = await decide(version, before === undefined ? 'due' : 'requested');
      await show(version, epoch, before);
      return { version, epoch, value: values.at(-1) ?? '' };
    },

    /** The version before becomes current again, under a new epoch. */
    async rollBack(to: VersionId) {
      const before = (await newest()).version;
      await real.request({ kind: 'rollBack', credential, version: to, who: 'os:test', why: 'a test' });
      const epoch = await decide(to, 'roll-back');
      await show(to, epoch, before);
      return { version: to, epoch };
    },

    async token(consumer: string, lifetime?: number) {
      const asked = { credential, consumer, actor: 'os:test', ...(lifetime === undefined ? {} : { lifetime }) };
      return (await makeConsumerToken(ports, tokens, asked)).token;
    },

    async ask(method: string, path: string, given: { token?: string; body?: unknown } = {}) {
      const headers: Record<string, string> = {};
      if (given.token !== undefined) headers['authorization'] = `Bearer ${given.token}`;
      if (given.body !== undefined) headers['content-type'] = 'application/json';
      const body =
        given.body === undefined ? null : typeof given.body === 'string' ? given.body : JSON.stringify(given.body);
      const response = await fetch(api.url + path, { method, headers, body });
      const text = await response.text();
      return { status: response.status, headers: response.headers, text, json: parse(text) };
    },

    proofFor(claim: { value: string; version: VersionId; epoch: number; consumer: string; instance: string }) {
      const { value, version, epoch, consumer, instance } = claim;
      const kv = proofKey(new SecretMaterial({ value }, 'value'), version);
      return possessionProof(kv, { credential, version, epoch, consumer, instance });
    },

    accessLines: async () =>
      (await readFile(join(home, 'access.jsonl'), 'utf8'))
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),

    /** Stops and comes back on the same port, as after a restart. */
    async stopApi() {
      const port = Number(new URL(api.url).port);
      await api.close();
      return async () => {
        api = await start(port);
      };
    },

    async close() {
      await api.close();
      await fileLog.close();
      vaultFile.close();
      await real.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

export type World = Awaited<ReturnType<typeof openWorld>>;

/** Polls until a condition holds; a noisy machine only takes longer. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, within = 15_000): Promise<void> {
  for (const end = Date.now() + within; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 15))) {
    if (await condition()) return;
  }
  throw new Error(`it did not come true in time: ${what}`);
}

function entry(consumers: readonly string[]): Entry {
  return {
    id: credential,
    target: 'memory',
    team: 'ml',
    contact: undefined,
    groups: [],
    tier: 'standard',
    mode: 'automatic',
    schedule: { every: 7_776_000_000, jitter: 0, windows: [] },
    backends: [{ backend: 'embedded', path: 'ai/dev/providers/in-memory/keys/app', fields: undefined }],
    consumers: consumers.map((name) => ({
      name,
      kind: 'service',
      demand: 'possession',
      deadline: 3_600_000,
      without: 'hold',
      probe: undefined,
    })),
    silence: { no: 'a test' },
    soak: 0,
    emergency: { policy: 'revoke-first', bound: 600_000 },
    standby: false,
    dependents: [],
    apartFrom: [],
    movedFrom: undefined,
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
