import { join } from 'node:path';
import type { Logger } from 'pino';
import { signInWithIssuers } from '../control/access/sign-in-routes.ts';
import { openWorkloads } from '../control/access/workloads.ts';
import type { CliPorts } from '../control/cli/environment.ts';
import { openKeptAnswers } from '../control/http-api/people/kept-answers.ts';
import { withoutProviders } from '../control/http-api/people/without-providers.ts';
import type { HttpApiOptions } from '../control/http-api/start.ts';
import type { EmergencyPorts } from '../control/incident-ports.ts';
import { readAdmin } from './admin-material.ts';
import { readInstallationKey } from './installation-key.ts';
import { openIncidentPorts } from './open-incident-ports.ts';
import { accessPath, nowhere, peopleOf } from './people.ts';
import type { Settings } from './settings.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface PeopleSideInput {
  readonly ports: CliPorts & { readonly settings: Settings };
  readonly environment: Environment;
  readonly log: Pick<Logger, 'warn' | 'info'>;
}

export interface PeopleSide {
  readonly options: Pick<HttpApiOptions, 'people' | 'signIn' | 'workloads'>;
  close(): Promise<void>;
}

/** What people reach over HTTP. Undefined without an access file: then their routes do not exist, and nobody is an admin by chance. */
export async function openPeopleSide({ ports, environment, log }: PeopleSideInput): Promise<PeopleSide | undefined> {
  const { settings, ledger } = ports;
  const key = await readInstallationKey({ home: settings.home, environment, create: false });
  const trouble = (what: string, code: string): void => log.warn({ code }, what);
  const parts = await peopleOf({ settings, environment, key, ledger: async () => ledger, trouble });
  if (parts === undefined) {
    const path = accessPath(settings.home, environment);
    log.info({}, `people have no way in over HTTP: there is no ${path} (keybaton access new writes one)`);
    return undefined;
  }
  const { people, access, events, refused, signed, file } = parts;
  let incidents: Promise<EmergencyPorts> | undefined;
  // What people reach runs no code from outside the package.
  const inside = { ...environment, KEYBATON_CONFIG: undefined };
  const incidentPorts = (): Promise<EmergencyPorts> => (incidents ??= openIncidentPorts(inside));
  const now = (): number => Date.now();
  const kept = await openKeptAnswers({
    file: join(settings.home, 'kept-answers.jsonl'),
    hashKey: key.derive('kept-answers'),
    now,
  });
  const secret = (reference: string) => readAdmin(reference, environment, nowhere);
  const { issuers } = await file.current();
  return {
    options: {
      people: {
        people,
        ports: withoutProviders({ ports: async () => ports, incidentPorts, access }),
        kept,
        session: (principal) => people.session(principal),
        signOut: (token, address) => people.signOut(token, address),
        signIns: Object.keys(issuers).map((name) => ({ name, path: `/sign-in/with/${name}` })),
      },
      signIn: (app) => signInWithIssuers(app, { file, people, signed, secret, now }),
      workloads: openWorkloads(file, now),
    },
    async close() {
      await refused.close();
      await events.close();
      await kept.close();
      if (incidents !== undefined) await (await incidents).close();
    },
  };
}
