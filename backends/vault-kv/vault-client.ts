import nodeVault from 'node-vault';
import { KeybatonError } from '../../domain/errors.ts';
import { type HttpClient, type HttpMethod, httpClient } from '../../outbound/http-client.ts';

/** What a Vault API answered: any status that the server means, parsed. */
export interface VaultAnswer {
  readonly status: number;
  readonly body: unknown;
}

export interface VaultCall {
  /** Empty for a login. */
  readonly token: string;
  readonly signal: AbortSignal;
  readonly deadline: number;
  now(): number;
  /** Does a lost answer leave an effect in doubt? */
  readonly mayHaveHappened: boolean;
}

/** The few calls we need of node-vault, whose own types are `any`. Paths are encoded and may end in a query. */
export interface VaultClient {
  read(path: string, call: VaultCall): Promise<VaultAnswer>;
  list(path: string, call: VaultCall): Promise<VaultAnswer>;
  write(path: string, body: object, call: VaultCall): Promise<VaultAnswer>;
  remove(path: string, call: VaultCall): Promise<VaultAnswer>;
}

export interface VaultClientOptions {
  readonly address: string;
  /** Other nodes of the cluster, where a standby may send us. */
  readonly nodes: readonly string[];
  readonly namespace: string | undefined;
  readonly ca: string | undefined;
  readonly timeout: number;
}

/** What node-vault hands to its transport: `json` is the body, or `true` when there is none. */
interface SentOptions {
  readonly uri: string;
  readonly method: HttpMethod;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly keybaton: VaultCall;
}

interface Node {
  /** What stands before /v1. */
  readonly prefix: string;
  readonly http: HttpClient;
}

/** From a standby to the active node, and once more when that has just changed. */
const mostRedirects = 2;

/** Statuses the server means to say; 429 is not among them, since the transport reads its Retry-After. */
const meant = [301, 302, 303, 307, 308, 400, 403, 404, 405, 412, 472, 473, 500, 502, 503, 504];

/**
 * node-vault makes paths and headers; the sending is our own transport's, because node-vault's has no time-out, follows
 * redirects to any host with the token, takes any VAULT_SKIP_VERIFY as "do not verify", and throws errors that hold
 * body and token. Its debug output, which prints secrets, is replaced, and so is all it takes from the environment.
 */
export function createVaultClient({ address, nodes, namespace, ca, timeout }: VaultClientOptions): VaultClient {
  // The address itself last: it wins over a node listed with another path at the same host.
  const known = new Map([...nodes, address].map((baseUrl) => [new URL(baseUrl).origin, nodeOf(baseUrl)]));

  function nodeOf(baseUrl: string): Node {
    const http = httpClient({ baseUrl, timeout, ...(ca !== undefined && { ca }) });
    return { prefix: new URL(baseUrl).pathname.replace(/\/$/, ''), http };
  }

  async function send({ uri, method, headers, json, keybaton }: SentOptions) {
    const url = new URL(uri);
    let node = nodeOfUrl(url);
    const path = url.pathname.slice(node.prefix.length);
    for (let redirects = 0; ; redirects += 1) {
      const { status, body, location } = await node.http.request({
        method,
        path,
        query: Object.fromEntries(url.searchParams),
        headers: { ...headers, 'X-Vault-Request': 'true' },
        ...(typeof json === 'object' && { body: json }),
        signal: keybaton.signal,
        deadline: keybaton.deadline,
        now: () => keybaton.now(),
        mayHaveHappened: keybaton.mayHaveHappened,
        expect: meant,
      });
      // 307 keeps method and body, and says that nothing was done (https://openbao.org/docs/concepts/ha/).
      const next = status === 307 && redirects < mostRedirects ? nodeAt(location, `${path}${url.search}`) : undefined;
      if (next === undefined) return { statusCode: status, body, request: { path } };
      node = next;
    }
  }

  function nodeOfUrl({ origin }: URL): Node {
    const node = known.get(origin);
    if (node === undefined) throw new KeybatonError('INVALID_CONFIG', `${origin} is no address of this backend`);
    return node;
  }

  /** Where a redirect leads: undefined unless it is to the same call at a node that the settings name. */
  function nodeAt(location: string | undefined, asked: string): Node | undefined {
    if (location === undefined || !URL.canParse(location)) return undefined;
    const { origin, pathname, search } = new URL(location);
    const node = known.get(origin);
    return node !== undefined && `${pathname}${search}` === `${node.prefix}${asked}` ? node : undefined;
  }

  // node-vault knows these two options and its types do not.
  const client = nodeVault({
    apiVersion: 'v1',
    endpoint: address.replace(/\/$/, ''),
    noCustomHTTPVerbs: true,
    debug: () => undefined,
    'request-promise': { defaults: () => send },
  });
  Object.assign(client, { token: '', pathPrefix: '', namespace: namespace ?? '' });

  const options = (call: VaultCall) => ({
    headers: call.token === '' ? {} : { 'X-Vault-Token': call.token },
    keybaton: call,
  });

  return {
    read: (path, call) => answered(client.read(path, options(call))),
    list: (path, call) => answered(client.list(path, options(call))),
    write: (path, body, call) => answered(client.write(path, body, options(call))),
    remove: (path, call) => answered(client.delete(path, options(call))),
  };
}

/** node-vault returns the body for 200 and 204 and throws `{response: {statusCode, body}}` for all else. */
async function answered(sent: Promise<unknown>): Promise<VaultAnswer> {
  try {
    return { status: 200, body: await sent };
  } catch (thrown) {
    const response =
      typeof thrown === 'object' && thrown !== null && 'response' in thrown ? thrown.response : undefined;
    if (typeof response === 'object' && response !== null && 'statusCode' in response && 'body' in response) {
      return { status: Number(response.statusCode), body: response.body };
    }
    throw thrown;
  }
}
