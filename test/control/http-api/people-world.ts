import { openAccessLog } from '../../../control/access/access-log.ts';
import { join } from 'node:path';
import { openConsumerTokens } from '../../../control/access/consumer-tokens.ts';
import type { People } from '../../../control/access/people.ts';
import { covers } from '../../../control/access/principal.ts';
import type { Grant, Principal, Role } from '../../../control/access/principal.ts';
import { openKeptAnswers } from '../../../control/http-api/people/kept-answers.ts';
import { defaultLimits } from '../../../control/http-api/people/limits.ts';
import type { PeopleApi } from '../../../control/http-api/people/register.ts';
import { withoutProviders } from '../../../control/http-api/people/without-providers.ts';
import { startHttpApi } from '../../../control/http-api/start.ts';
import type { HttpApiOptions } from '../../../control/http-api/start.ts';
import type { Reach } from '../../../control/operations/operation.ts';
import { KeybatonError } from '../../../domain/errors.ts';
import { openAccessDesk } from '../../../worker/people.ts';
import { openBench } from '../bench.ts';
import type { Bench } from '../bench.ts';

const everywhere = { environments: undefined, teams: undefined, groups: undefined } as const;
export const grantOf = (role: Role, where: Partial<Grant> = {}): Grant => ({ role, ...everywhere, ...where });

export interface Recorded {
  readonly actor: string;
  readonly operation: string;
  readonly outcome: string;
}

/** Stands where access.yml stands: tokens by name, and the rule that a grant must cover all of the reach. */
export function fakePeople(grants: Readonly<Record<string, readonly Grant[]>>): People & {
  readonly recorded: Recorded[];
  revoke(name: string): void;
  regrant(name: string, now: readonly Grant[]): void;
} {
  const recorded: Recorded[] = [];
  const revoked = new Set<string>();
  const regranted = new Map<string, readonly Grant[]>();
  const check = ({ grants: mine }: Principal, reach: Reach): void => {
    if (reach.kind === 'what the caller sees') return;
    const may =
      reach.kind === 'installation'
        ? mine.some(({ teams, environments, groups }) => !teams && !environments && !groups)
        : reach.entries.every((scope) => mine.some((grant) => covers(grant, scope)));
    if (!may) throw new KeybatonError('NOT_FOUND', 'there is nothing of that name');
  };
  return {
    recorded,
    revoke: (name) => void revoked.add(name),
    async identify({ authorization }, address): Promise<Principal> {
      const name = /^Bearer (\S+)$/.exec(authorization ?? '')?.[1];
      const mine = name === undefined || revoked.has(name) || !Object.hasOwn(grants, name) ? undefined : grants[name];
      if (name === undefined || mine === undefined) throw new KeybatonError('ACCESS_DENIED', 'sign in first');
      return {
        // Names that are shown may be the same, as mail addresses of two people may.
        actor: `token:${name.replace(/-twin$/, '')}`,
        person: name,
        method: 'token',
        grants: regranted.get(name) ?? mine,
        address,
        expiresAt: Date.now() + 60_000,
      };
    },
    async authorise({ principal, reach }) {
      check(principal, reach);
      return undefined;
    },
    async mayStill({ principal, reach }) {
      check(principal, reach);
    },
    regrant: (name, now) => void regranted.set(name, now),
    async record({ principal, operation, outcome }) {
      recorded.push({ actor: principal.actor, operation, outcome });
    },
  };
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // Tests look into it freely.
  readonly json: Record<string, unknown>;
}

export async function openPeopleWorld(
  options: Partial<PeopleApi> = {},
  beside: Pick<HttpApiOptions, 'signIn' | 'addressLimits' | 'proxies'> = {},
) {
  const bench: Bench = await openBench();
  const people = fakePeople({
    root: [grantOf('admin')],
    search: [grantOf('oncall', { teams: ['search'] })],
    ads: [grantOf('oncall', { teams: ['ads'] })],
    leaver: [grantOf('viewer')],
    'root-twin': [grantOf('viewer', { teams: ['ads'] })],
  });
  const logged: string[] = [];
  const accessLog = await openAccessLog(join(bench.folder, 'access.jsonl'));
  const openKept = () =>
    openKeptAnswers({
      file: join(bench.folder, 'kept-answers.jsonl'),
      hashKey: new Uint8Array(32),
      now: () => Date.now(),
    });
  let kept = await openKept();
  const start = () =>
    startHttpApi({
      ports: bench.ports,
      tokens: openConsumerTokens(join(bench.folder, 'consumer-tokens.jsonl')),
      accessLog,
      checkProof: () => false,
      port: 0,
      log: { write: (line) => void logged.push(line) },
      ...beside,
      people: {
        people,
        kept,
        limits: { ...defaultLimits, refusals: 1_000 },
        pace: { askEvery: 20, pingEvery: 100 },
        ports: withoutProviders({
          ports: () => Promise.resolve(bench.ports),
          incidentPorts: () => Promise.resolve(bench.incidents.ports),
          access: openAccessDesk(bench.folder),
        }),
        ...options,
      },
    });
  let api = await start();

  async function ask(
    method: string,
    path: string,
    {
      token = 'root',
      body,
      headers = {},
    }: { token?: string | null; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answered> {
    const response = await fetch(api.url + path, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: parsed(text) };
  }

  return {
    ...bench,
    people,
    logged,
    ask,
    url: () => api.url,
    /** As after a restart of the process: what it keeps on disk is all that is left. */
    async restart() {
      await api.close();
      await kept.close();
      kept = await openKept();
      api = await start();
    },
    async close() {
      await api.close();
      await kept.close();
      await accessLog.close();
      await bench.close();
    },
  };
}

export type PeopleWorld = Awaited<ReturnType<typeof openPeopleWorld>>;

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
