import { randomUUID } from 'node:crypto';
import { chmod, mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Entry } from '../domain/entry.ts';
import type { Ref } from '../domain/facts.ts';
import { readFacts } from './facts.ts';
import type { Db } from './schema.ts';
import type { Store } from './store.ts';

/**
 * What an emergency needs when the ledger is gone: every version that may live, where, by which handle. A file of mode
 * 0600 on every machine that opens the ledger with it, replaced as a whole and synced, without any material.
 */
export interface KillSheet {
  readonly format: 1;
  readonly installation: string;
  /** The newest event it includes. */
  readonly n: number;
  readonly at: number;
  /** targets.yml as applied: settings and references to admin credentials, no secret. */
  readonly targets: unknown;
  readonly credentials: readonly KillSheetCredential[];
}

export interface KillSheetCredential {
  readonly credential: string;
  readonly status: string;
  readonly target: string;
  readonly team: string;
  readonly groups: readonly string[];
  readonly emergency: Entry['emergency'];
  readonly backends: readonly { readonly backend: string; readonly path: string }[];
  readonly versions: readonly KillSheetVersion[];
}

export interface KillSheetVersion {
  /** Also what its tag or mark at the provider says, with the installation. */
  readonly version: string;
  readonly fate: string;
  readonly target: string;
  readonly compromised: boolean;
  readonly fingerprint: string | undefined;
  /** Handles that may live, marks among them. */
  readonly refs: readonly Ref[];
  /** Effects that may still appear: what they would make, and until when. */
  readonly openIntents: readonly {
    readonly effect: string;
    readonly place: string;
    readonly until: number;
    readonly ref: Ref | undefined;
  }[];
  readonly onlyByHand: boolean;
}

/** How often a change made by another process is looked for. */
const lookAgain = 5_000;
const settle = 200;

export async function keepKillSheet(
  store: Store,
  path: string,
  installation: string,
): Promise<{ close(): Promise<void> }> {
  let written = -1;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  async function refresh(): Promise<void> {
    const sheet = await store.read((db, now) => readKillSheet(db, now, installation, written));
    if (sheet === undefined) return;
    await replace(path, JSON.stringify(sheet));
    written = sheet.n;
  }
  const queue = (): Promise<void> => (writing = writing.catch(tryLater).then(refresh));
  const soon = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      queue().catch(tryLater);
    }, settle).unref();
  };

  await queue();
  store.onCommit(soon);
  const others = setInterval(soon, lookAgain).unref();
  return {
    async close() {
      clearTimeout(timer);
      clearInterval(others);
      await queue().catch(tryLater);
    },
  };
}

/** The sheet on disk is older then, but whole; the next commit or look writes it again. */
function tryLater(thrown: unknown): void {
  void thrown;
}

/** Undefined when nothing was written since `known`. */
async function readKillSheet(db: Db, now: number, installation: string, known: number): Promise<KillSheet | undefined> {
  const head = await db.selectFrom('chain').select('n').where('id', '=', 1).executeTakeFirstOrThrow();
  if (head.n === known) return undefined;
  const applied = await db.selectFrom('inventory').select('targets').where('id', '=', 1).executeTakeFirst();
  const credentials: KillSheetCredential[] = [];
  for (let after = ''; ;) {
    const rows = await db
      .selectFrom('credentials')
      .selectAll()
      .where('id', '>', after)
      .orderBy('id')
      .limit(200)
      .execute();
    const last = rows.at(-1);
    if (last === undefined) break;
    after = last.id;
    credentials.push(...(await readFacts(db, rows, now)).map(onSheet));
  }
  return {
    format: 1,
    installation,
    n: head.n,
    at: now,
    targets: applied === undefined ? {} : (JSON.parse(applied.targets) as unknown),
    credentials,
  };
}

function onSheet({ id, status, entry, versions }: Awaited<ReturnType<typeof readFacts>>[number]): KillSheetCredential {
  return {
    credential: id,
    status,
    target: entry.target,
    team: entry.team,
    groups: entry.groups,
    emergency: entry.emergency,
    backends: entry.backends.map(({ backend, path }) => ({ backend, path })),
    versions: versions
      .filter((version) => version.fate !== 'dead')
      .map((version) => ({
        version: version.id,
        fate: version.fate,
        target: version.target,
        compromised: version.compromised,
        fingerprint: version.fingerprint,
        refs: version.refs.filter((one) => !one.gone).map((one) => one.ref),
        openIntents: version.intents
          .filter((intent) => intent.outcome === undefined && intent.effect === 'issue')
          .map(({ effect, place, until, ref }) => ({ effect, place, until, ref })),
        onlyByHand: version.onlyByHand,
      })),
  };
}

/** Whole or not at all, also after a power cut: written beside, synced, renamed, and the folder synced. */
async function replace(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}.new`;
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await chmod(draft, 0o600);
  await rename(draft, path);
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
