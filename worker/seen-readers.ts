import { vaultKvSettings } from '../backends/vault-kv/settings.ts';
import type { LookRequest, Seen, SeenKey, SeenReader, Unseen } from '../control/discovery.ts';
import { codeOf, isKeybatonError } from '../domain/errors.ts';
import { readersOfPaths } from '../evidence/readers-of-paths.ts';

export interface SeenReaders {
  of(backend: string, path: string): readonly SeenReader[];
  readonly trail: Seen['trail'];
  readonly troubles: readonly Unseen[];
}

/** Who reads the entries in which keys were found, where an audit file tells. */
export async function readersIn(
  { backends, auditFile, signal }: LookRequest,
  keys: readonly Pick<SeenKey, 'backend' | 'path'>[],
  before: number,
): Promise<SeenReaders> {
  const found = new Map<string, ReadonlyMap<string, readonly SeenReader[]>>();
  const troubles: Unseen[] = [];
  let trail: Seen['trail'];
  for (const [name, { kind, settings }] of Object.entries(backends)) {
    const read = kind === 'vault-kv' ? vaultKvSettings.safeParse(settings).data : undefined;
    const file = auditFile ?? read?.auditFile;
    if (file === undefined) continue;
    if (read === undefined) {
      const why = `backends of kind ${kind} have no audit file that keybaton reads`;
      troubles.push({ where: `readers of backend ${name}`, code: 'UNSUPPORTED', why });
      continue;
    }
    const paths = new Set(keys.filter(({ backend }) => backend === name).map(({ path }) => path));
    try {
      const answer = await readersOfPaths(
        { mount: read.mount, namespace: read.namespace },
        { file, paths, before, signal },
      );
      found.set(name, answer.readers);
      trail = { begins: answer.begins, damaged: answer.damaged + (trail?.damaged ?? 0) };
    } catch (thrown) {
      const why = isKeybatonError(thrown) ? thrown.message : 'it cannot be read';
      troubles.push({ where: `readers of backend ${name}`, code: codeOf(thrown), why });
    }
  }
  return { of: (backend, path) => found.get(backend)?.get(path) ?? [], trail, troubles };
}
