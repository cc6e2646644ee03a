import { isRecord, openApi } from './api.ts';
import type { Api } from './api.ts';
import type { Held } from './keeper.ts';
import { isProblem } from './problem.ts';
import { possessionProof } from './proof.ts';
import { readFromApi, readFromSource } from './reads.ts';
import type { ProofValue, Source } from './source.ts';

export interface CheckOptions {
  readonly url: string;
  readonly token: string;
  readonly credential: string;
  readonly consumer: string;
  /** Where this consumer reads; undefined: keybaton's embedded vault. */
  readonly source?: Source | undefined;
  readonly proofValue?: ProofValue | undefined;
  /** Milliseconds for each call: 5 000. */
  readonly timeout?: number;
  readonly fetch?: typeof globalThis.fetch;
}

export interface WiringFinding {
  readonly subject: 'api' | 'token' | 'read' | 'version' | 'proof' | 'instances';
  readonly verdict: 'ok' | 'warning' | 'failure' | 'cannot tell';
  readonly text: string;
  readonly remedy?: string;
}

export interface Wiring {
  readonly findings: readonly WiringFinding[];
  /** The newest epoch; 0: nothing was promoted. */
  readonly epoch: number;
  /** What was read here; undefined: nothing. */
  readonly holds: { readonly version: string; readonly epoch: number } | undefined;
}

/** No instance can be registered by this name, and no rotation reaches this epoch: what is proved for them counts for nothing. */
const nobody = { epoch: Number.MAX_SAFE_INTEGER, instance: '!check' };

/**
 * Asks, from where the consumer runs, whether it can reach keybaton, read, and prove, and what is known of its instances. It
 * registers nothing, and its proof is made for nobody: no rotation is moved by it. Never throws for what it finds.
 */
export async function checkWiring(options: CheckOptions): Promise<Wiring> {
  const { credential, consumer, source, proofValue, timeout = 5_000 } = options;
  const api = openApi({ ...options, fetch: options.fetch ?? globalThis.fetch });
  const signal = new AbortController().signal;
  const findings: WiringFinding[] = [];
  const note = (finding: WiringFinding): void => void findings.push(finding);
  const ask = (body: unknown): Promise<unknown> => api.ask({ method: 'POST', path: '/check', body, timeout, signal });

  let standing: Standing;
  try {
    standing = standingFrom(await ask({}));
  } catch (error) {
    note(unreached(error, options));
    return { findings, epoch: 0, holds: undefined };
  }
  const { epoch } = standing;
  note({ subject: 'api', verdict: 'ok', text: `${options.url} answers` });
  if (standing.consumer !== consumer) {
    const remedy = `use a token of ${consumer}: keybaton token make ${credential} ${consumer}`;
    note({
      subject: 'token',
      verdict: 'failure',
      text: `it is one of ${standing.consumer}, not of ${consumer}`,
      remedy,
    });
    return { findings, epoch, holds: undefined };
  }
  note({ subject: 'token', verdict: 'ok', text: `accepted as ${consumer}` });
  if (epoch === 0) {
    const remedy = `import a key or rotate: keybaton rotate ${credential}`;
    note({
      subject: 'version',
      verdict: 'warning',
      text: 'nothing was promoted yet, so there is nothing to read',
      remedy,
    });
    return { findings, epoch, holds: undefined };
  }

  const held = await readHere(api, { source, proofValue, timeout, signal }, note);
  if (held !== undefined) {
    note(behind(held, standing));
    note(await proved(held, options, ask));
  }
  for (const finding of instancesOf(standing)) note(finding);
  return { findings, epoch, holds: held && { version: held.secret.version, epoch: held.secret.epoch } };
}

interface Standing {
  readonly consumer: string;
  readonly epoch: number;
  readonly proof: boolean | null;
  readonly instances: readonly {
    readonly instance: string;
    readonly beats: boolean;
    readonly missing: string | null;
  }[];
}

function standingFrom(answer: unknown): Standing {
  // Answered by our own API; what is missing in an older one fails below.
  const { consumer, epoch, proof, instances } = (isRecord(answer) ? answer : {}) as unknown as Standing;
  if (typeof consumer !== 'string' || typeof epoch !== 'number' || !Array.isArray(instances))
    throw new Error('something that is no answer of keybaton');
  return { consumer, epoch, proof, instances };
}

function unreached(error: unknown, { url, credential, consumer }: CheckOptions): WiringFinding {
  if (isProblem(error) && error.code === 'ACCESS_DENIED') {
    const remedy = `make another one: keybaton token make ${credential} ${consumer}`;
    return { subject: 'token', verdict: 'failure', text: `refused: ${error.message}`, remedy };
  }
  if (isProblem(error) && error.status === 404) {
    const remedy = 'see keybaton list, and that this is the API of keybaton';
    return { subject: 'api', verdict: 'failure', text: `${url} knows no ${credential}`, remedy };
  }
  const text = `${url} does not answer as keybaton does${isProblem(error) ? `: ${error.message}` : ''}`;
  return {
    subject: 'api',
    verdict: 'cannot tell',
    text,
    remedy: 'look at KEYBATON_URL, the network, and keybaton api',
  };
}

async function readHere(
  api: Api,
  {
    source,
    ...how
  }: { source: Source | undefined; proofValue: ProofValue | undefined; timeout: number; signal: AbortSignal },
  note: (finding: WiringFinding) => void,
): Promise<Held | undefined> {
  const where = source?.name ?? "keybaton's embedded vault";
  try {
    const reads =
      source === undefined
        ? readFromApi({ api, ...how })
        : readFromSource({ api: undefined, source, onProblem: () => undefined, ...how });
    const held = await reads.current();
    note({
      subject: 'read',
      verdict: 'ok',
      text: `${where}: ${Object.keys(held.secret.fields).toSorted().join(', ')}`,
    });
    return held;
  } catch (error) {
    if (!isProblem(error)) throw error;
    if (error.status === 501) {
      const remedy = 'where the secret is mounted: --mounted <path>; with the SDK: its use proves it';
      note({ subject: 'read', verdict: 'cannot tell', text: 'the secret lies in a store beside keybaton', remedy });
      return undefined;
    }
    const verdict = error.status === 0 || error.status >= 500 ? 'cannot tell' : 'failure';
    const remedy = source === undefined ? 'keybaton status shows how its backend stands' : 'look at what writes it';
    note({ subject: 'read', verdict: error.code === 'NOT_FOUND' ? 'failure' : verdict, text: error.message, remedy });
    return undefined;
  }
}

function behind({ secret: { version, epoch } }: Held, standing: Standing): WiringFinding {
  if (epoch >= standing.epoch)
    return { subject: 'version', verdict: 'ok', text: `${version} of epoch ${String(epoch)}` };
  const text = `${version} of epoch ${String(epoch)}, while epoch ${String(standing.epoch)} stands`;
  return {
    subject: 'version',
    verdict: 'failure',
    text,
    remedy: 'what brings the secret here is behind: look at it first',
  };
}

async function proved(
  { secret, value }: Held,
  { credential, consumer }: CheckOptions,
  ask: (body: unknown) => Promise<unknown>,
): Promise<WiringFinding> {
  const names = Object.keys(secret.fields).toSorted().join(', ');
  if (value === undefined) {
    const text = `nobody said which of ${names} is the value that is proved`;
    return { subject: 'proof', verdict: 'failure', text, remedy: 'name it: --field here, proofValue in the SDK' };
  }
  const { version } = secret;
  const proof = possessionProof(value, { credential, version, consumer, ...nobody });
  try {
    const { proof: isGood } = standingFrom(await ask({ version, proof }));
    if (isGood === true) return { subject: 'proof', verdict: 'ok', text: 'a proof made here holds' };
    const remedy = `is it the right one of ${names}, exactly as keybaton stored it?`;
    return { subject: 'proof', verdict: 'failure', text: 'a proof made here does not hold', remedy };
  } catch (error) {
    return { subject: 'proof', verdict: 'cannot tell', text: isProblem(error) ? error.message : 'it was not judged' };
  }
}

function instancesOf({ instances }: Standing): readonly WiringFinding[] {
  if (instances.length === 0) {
    const remedy = 'start the application with the SDK, keybaton exec, or the requests of docs/consumers.md';
    return [{ subject: 'instances', verdict: 'failure', text: 'none is registered', remedy }];
  }
  return instances.map(({ instance, beats, missing }) => {
    if (!beats) {
      const remedy = 'start it again under its name, let it leave, or waive it';
      return { subject: 'instances', verdict: 'failure', text: `${instance} is registered and silent`, remedy };
    }
    if (missing === null) return { subject: 'instances', verdict: 'ok', text: `${instance} beats and has proved` };
    const remedy =
      'it proves with its first successful use: does it use the secret through the SDK or its health check?';
    return { subject: 'instances', verdict: 'warning', text: `${instance} beats: ${missing}`, remedy };
  });
}
