import { parsedLine, readTrail, type TrailRead } from './trail-files.ts';
import { ofNamespace, oursIn, readersOf, vaultRecord, whoOf, type VaultTrail } from './vault-audit.ts';

/** Who reads what stands at a path, and how often: what a beginner's inventory can say of its consumers. */
export interface PathReader {
  /** As an inventory names it (`role:web`); undefined: a bare token, which no inventory can name. */
  readonly reader: string | undefined;
  readonly who: string;
  readonly reads: number;
  /** Epoch milliseconds. */
  readonly lastAt: number;
  /** Milliseconds from one reading to the next at the same address, the median; undefined: nobody read it twice. */
  readonly every: number | undefined;
  /** Addresses it read from; at most `addressesKept` are told apart. */
  readonly addresses: number;
}

export interface ReadersAnswer extends TrailRead {
  readonly readers: ReadonlyMap<string, readonly PathReader[]>;
}

export interface ReadersQuery {
  readonly file: string;
  /** Plain paths of the engine. */
  readonly paths: ReadonlySet<string>;
  /** Epoch milliseconds: what came from then on is our own looking around. */
  readonly before: number;
  readonly signal: AbortSignal;
}

const addressesKept = 64;
const readersKept = 64;
const gapsKept = 128;

interface Seen {
  readonly reader: string | undefined;
  readonly who: string;
  reads: number;
  lastAt: number;
  readonly lastFrom: Map<string, number>;
  readonly gaps: number[];
}

/**
 * From the file of Vault's or OpenBao's audit device, rotated ones beside it too. Bounded by the number of paths, whatever
 * the length of the file. NOT_FOUND and ACCESS_DENIED as for any trail.
 */
export async function readersOfPaths(
  trail: Pick<VaultTrail, 'mount' | 'namespace'>,
  { file, paths, before, signal }: ReadersQuery,
): Promise<ReadersAnswer> {
  const prefix = `${trail.mount}/data/`;
  const known = { has: (path: string) => path.startsWith(prefix) && paths.has(path.slice(prefix.length)) };
  const found = new Map<string, Map<string, Seen>>();
  const timeOf = (line: Buffer): number | undefined => {
    const record = parsedLine(line);
    const time = typeof record === 'object' && record !== null && 'time' in record ? record.time : undefined;
    const at = typeof time === 'string' ? Date.parse(time) : Number.NaN;
    return Number.isNaN(at) ? undefined : at;
  };

  function note(path: string, reader: string | undefined, who: string, address: string, at: number): void {
    const readers = found.get(path) ?? new Map<string, Seen>();
    found.set(path, readers);
    const name = reader ?? who;
    const one: Seen = readers.get(name) ?? { reader, who, reads: 0, lastAt: at, lastFrom: new Map(), gaps: [] };
    if (!readers.has(name) && readers.size >= readersKept) return;
    readers.set(name, one);
    const last = one.lastFrom.get(address);
    if (last !== undefined && at > last) one.gaps[one.reads % gapsKept] = at - last;
    if (last !== undefined || one.lastFrom.size < addressesKept) one.lastFrom.set(address, at);
    one.reads += 1;
    one.lastAt = Math.max(one.lastAt, at);
  }

  const read = await readTrail({ file, since: 0, signal }, timeOf, (line) => {
    if (!oursIn(line, known)) return true;
    const { data: entry, error } = vaultRecord.safeParse(parsedLine(line));
    if (entry === undefined) return error.issues.some(({ path: at }) => at[0] === 'type');
    const { path, operation, remote_address: address = '' } = entry.request;
    const at = Date.parse(entry.time);
    const told = entry.response?.data?.data;
    const counts = operation === 'read' && entry.error === undefined && told !== undefined && told !== null;
    if (!counts || at >= before || !ofNamespace(entry, trail.namespace)) return true;
    note(path.slice(prefix.length), readersOf(entry)[0], whoOf(entry), address, at);
    return true;
  });
  return {
    ...read,
    readers: new Map([...found].map(([path, readers]) => [path, [...readers.values()].map(told)])),
  };
}

function told({ reader, who, reads, lastAt, lastFrom, gaps }: Seen): PathReader {
  const sorted = gaps.filter((gap) => gap > 0).sort((one, other) => one - other);
  return { reader, who, reads, lastAt, every: sorted[Math.floor(sorted.length / 2)], addresses: lastFrom.size };
}
