import { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import type { BackendCall } from '../backend.ts';
import { ensureInTime } from '../call.ts';
import type { StoredFields } from '../main-place.ts';
import type { VaultSession } from './session.ts';
import type { VaultAnswer, VaultCall, VaultClient } from './vault-client.ts';
import { errorsOf, vaultTrouble } from './vault-trouble.ts';

/**
 * One KV version: readable, taken away (soft-deleted or destroyed), or never there. `latest` is what compare-and-set compares;
 * `writtenAt` is epoch milliseconds, NaN where the server does not say.
 */
export type KvRead =
  | { readonly kind: 'found'; readonly latest: number; readonly fields: StoredFields; readonly writtenAt: number }
  | { readonly kind: 'taken-away'; readonly latest: number }
  | { readonly kind: 'absent'; readonly latest: 0 };

export interface KvVersion {
  readonly n: number;
  readonly deleted: boolean;
  readonly destroyed: boolean;
}

/** The KV v2 engine at one mount. Paths are plain; every error is a KeybatonError. */
export interface KvEngine {
  read(path: string, call: BackendCall, version?: number): Promise<KvRead>;
  /** `moved`: the newest version is not `cas`, and nothing was written. */
  write(path: string, fields: StoredFields, cas: number, call: BackendCall): Promise<'moved' | Written>;
  /** Every version that the engine still keeps; empty when the path does not exist. */
  versions(path: string, call: BackendCall): Promise<readonly KvVersion[]>;
  /** Names below a folder; those of folders end in a slash. */
  list(path: string, call: BackendCall): Promise<readonly string[]>;
  change(
    what: 'destroy' | 'delete' | 'undelete',
    path: string,
    versions: readonly number[],
    call: BackendCall,
  ): Promise<void>;
  /** Erases the path with all its versions, for good. */
  erase(path: string, call: BackendCall): Promise<void>;
}

export interface Written {
  /** The engine will take the version away by itself (`delete_version_after`). */
  readonly expires: boolean;
}

const metadata = z.object({ version: z.number(), deletion_time: z.string(), destroyed: z.boolean() });
const readShape = z.object({
  data: z.object({
    data: z.record(z.string(), z.unknown()).nullable(),
    metadata: metadata.extend({ created_time: z.string().default('') }),
  }),
});
const writtenShape = z.object({ data: metadata });
const versionsShape = z.object({
  data: z.object({ versions: z.record(z.string(), z.object({ deletion_time: z.string(), destroyed: z.boolean() })) }),
});
const listShape = z.object({ data: z.object({ keys: z.array(z.string()) }) });

// The one answer that only its text tells from other wrong requests: both are 400.
const casMismatch = 'check-and-set parameter did not match the current version';

export function createKvEngine(mount: string, client: VaultClient, session: VaultSession): KvEngine {
  const at = (kind: string, path: string) => `${mount}/${kind}/${path}`.split('/').map(encodeURIComponent).join('/');

  function send(call: BackendCall, writes: boolean, request: (sent: VaultCall) => Promise<VaultAnswer>) {
    return session.send(call, (token) => {
      if (writes) ensureInTime(call);
      const { signal, deadline } = call;
      return request({ token, signal, deadline, now: () => call.now(), mayHaveHappened: writes });
    });
  }

  /** 404 with an empty list of errors is "not there"; with a text in it, there is no such engine. */
  const isAbsent = (answer: VaultAnswer) => answer.status === 404 && errorsOf(answer)?.length === 0;

  function shaped<Shape>(shape: z.ZodType<Shape>, answer: VaultAnswer, what: string, writes = false): Shape {
    const read = shape.safeParse(answer.body);
    if (read.success) return read.data;
    // KV v1 takes a write to data/... as a plain secret and answers without a body.
    const noEngine = !writes || answer.body === undefined;
    throw new KeybatonError(
      noEngine ? 'INVALID_CONFIG' : 'AMBIGUOUS',
      `vault answered ${what} as no KV v2 engine does: check that ${mount} is one`,
    );
  }

  return {
    async read(path, call, version) {
      const query = version === undefined ? '' : `?version=${String(version)}`;
      const answer = await send(call, false, (sent) => client.read(`${at('data', path)}${query}`, sent));
      if (isAbsent(answer)) return { kind: 'absent', latest: 0 };
      const gone = answer.status === 404 && readShape.safeParse(answer.body).success;
      if (answer.status !== 200 && !gone) throw vaultTrouble(answer, `read ${mount}/data/${path}`, false);
      const { data } = shaped(readShape, answer, `read ${mount}/data/${path}`);
      const latest = data.metadata.version;
      if (data.data === null) return { kind: 'taken-away', latest };
      return { kind: 'found', latest, fields: data.data, writtenAt: Date.parse(data.metadata.created_time) };
    },

    async write(path, fields, cas, call) {
      const what = `write ${mount}/data/${path}`;
      const body = { options: { cas }, data: fields };
      const answer = await send(call, true, (sent) => client.write(at('data', path), body, sent));
      if (answer.status === 400 && errorsOf(answer)?.some((text) => text.includes(casMismatch))) return 'moved';
      if (answer.status !== 200) throw vaultTrouble(answer, what, true);
      return { expires: shaped(writtenShape, answer, what, true).data.deletion_time !== '' };
    },

    async versions(path, call) {
      const answer = await send(call, false, (sent) => client.read(at('metadata', path), sent));
      if (isAbsent(answer)) return [];
      if (answer.status !== 200) throw vaultTrouble(answer, `read ${mount}/metadata/${path}`, false);
      const { versions } = shaped(versionsShape, answer, `read ${mount}/metadata/${path}`).data;
      return Object.entries(versions).map(([n, { deletion_time, destroyed }]) => ({
        n: Number(n),
        // A time to come is not a deletion yet.
        deleted: deletion_time !== '' && Date.parse(deletion_time) <= call.now(),
        destroyed,
      }));
    },

    async list(path, call) {
      const answer = await send(call, false, (sent) => client.list(at('metadata', path), sent));
      if (isAbsent(answer)) return [];
      if (answer.status !== 200) throw vaultTrouble(answer, `list ${mount}/metadata/${path}`, false);
      return shaped(listShape, answer, `list ${mount}/metadata/${path}`).data.keys;
    },

    async change(what, path, versions, call) {
      const answer = await send(call, true, (sent) => client.write(at(what, path), { versions }, sent));
      if (answer.status !== 200) throw vaultTrouble(answer, `${what} ${mount}/${path}`, true);
    },

    async erase(path, call) {
      const answer = await send(call, true, (sent) => client.remove(at('metadata', path), sent));
      if (answer.status !== 200 && !isAbsent(answer))
        throw vaultTrouble(answer, `erase ${mount}/metadata/${path}`, true);
    },
  };
}
