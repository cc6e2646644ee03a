import type { HttpApiOptions } from '../../control/http-api/start.ts';
import { withoutProviders } from '../../control/http-api/people/without-providers.ts';
import { accessYaml, openAccessWorld } from '../control/access/access-world.ts';
import { openPeopleWorld } from '../control/http-api/people-world.ts';
import type { PeopleWorld } from '../control/http-api/people-world.ts';
import { openBrowser } from './browser.ts';

const grants = accessYaml.replace('grants:', 'grants:\n  - { group: watchers, role: viewer }');

/** The page behind the real guard: people as the identity provider names them, approvals and reviews on disk. */
export async function openGuardedWorld(
  options: Partial<Pick<NonNullable<HttpApiOptions['people']>, 'limits' | 'ledger'>> = {},
  yaml = grants,
) {
  const access = await openAccessWorld(yaml);
  const { people } = access;
  // Ports are asked for when somebody calls: the world exists by then.
  const ports = withoutProviders({
    ports: async () => world.ports,
    incidentPorts: async () => world.incidents.ports,
    access: access.desk,
  });
  const world: PeopleWorld = await openPeopleWorld({ people, ports, ...options });
  return {
    ...world,
    access,
    /** A browser in which this person has signed in. */
    async as(subject: string, groups: readonly string[] = ['sre']) {
      const name = `${subject}@example.com`;
      const signedIn = await people.signIn({ by: 'oidc', issuer: 'company', subject, name, groups: [...groups] });
      const browser = openBrowser(world.url());
      await browser.signIn(signedIn.token);
      return browser;
    },
    /** A browser with a token of ours, which is nobody in person. */
    async with(token: string) {
      const browser = openBrowser(world.url());
      await browser.signIn(token);
      return browser;
    },
    async close() {
      await world.close();
      await access.close();
    },
  };
}

export type GuardedWorld = Awaited<ReturnType<typeof openGuardedWorld>>;
