import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAccessEvents } from '../../../control/access/access-events.ts';
import type { AccessEvent } from '../../../control/access/access-events.ts';
import { openAccessFile } from '../../../control/access/access-reader.ts';
import { openPeople } from '../../../control/access/open-people.ts';
import { openEndedSessions } from '../../../control/access/ended-sessions.ts';
import { openRefusedSignIns } from '../../../control/access/refused-sign-ins.ts';
import { hashOf } from '../../../control/access/own-tokens.ts';
import type { Grant, Principal } from '../../../control/access/principal.ts';
import type { Review } from '../../../control/access/reviews.ts';
import { openSignedTokens } from '../../../control/access/signed-tokens.ts';
import { KeybatonError } from '../../../domain/errors.ts';
import { installationKey } from '../../../worker/installation-key.ts';
import { openAccessDesk } from '../../../worker/people.ts';

export const glass = `kbg_${'g'.repeat(43)}`;
export const accessYaml = `
url: https://keybaton.example
issuers:
  company: { issuer: https://login.example, clientId: keybaton }
grants:
  - { group: sre, role: oncall }
  - { group: search, role: team, teams: [search] }
  - { person: sub-of-sam, role: security }
breakGlass:
  safe: { sha256: ${hashOf(glass).toString('hex')} }
notify:
  security: { kind: webhook, url: https://hooks.example/x, secret: env:HOOK }
`;

export const grantOf = (role: Grant['role'], where: Partial<Grant> = {}): Grant => ({
  role,
  environments: undefined,
  teams: undefined,
  groups: undefined,
  ...where,
});

/** The real guard over real files; only the ledger and the pager are stand-ins that a test can take down. */
export async function openAccessWorld(yaml = accessYaml) {
  const folder = await mkdtemp(join(tmpdir(), 'keybaton-access-'));
  const path = join(folder, 'access.yml');
  await writeFile(path, yaml, { mode: 0o600 });
  const clock = { now: Date.now() };
  const noted: AccessEvent[] = [];
  const woken: Review[] = [];
  const troubles: string[] = [];
  const down = { ledger: false, pager: false };
  const key = installationKey(new Uint8Array(32).fill(3));
  const signed = openSignedTokens(key);
  const desk = openAccessDesk(folder);
  const events = openAccessEvents(
    join(folder, 'events.jsonl'),
    async () => ({
      async note(event) {
        if (down.ledger) throw new KeybatonError('UNAVAILABLE', 'the ledger is down');
        noted.push(event);
      },
    }),
    (what) => troubles.push(what),
  );
  const refused = openRefusedSignIns({ events, now: () => clock.now });
  const open = async () => {
    const file = await openAccessFile(path, (what) => troubles.push(what));
    if (file === undefined) throw new Error('the world has an access file');
    return openPeople({
      file,
      ...openAccessDesk(folder),
      signed,
      ended: openEndedSessions(join(folder, 'ended-sessions')),
      events,
      refused,
      async wake(review) {
        if (down.pager) throw new KeybatonError('UNAVAILABLE', 'the pager is down');
        woken.push(review);
      },
      now: () => clock.now,
    });
  };
  const people = await open();
  const bearer = (token: string): Promise<Principal> =>
    people.identify({ authorization: `Bearer ${token}` }, '192.0.2.7');

  return {
    folder,
    path,
    clock,
    noted,
    woken,
    troubles,
    down,
    key,
    signed,
    desk,
    events,
    refused,
    people,
    open,
    bearer,
    /** Somebody whom the identity provider has named. */
    async person(subject: string, groups: readonly string[] = ['sre'], name = `${subject}@example.com`) {
      const { token } = await people.signIn({ by: 'oidc', issuer: 'company', subject, name, groups: [...groups] });
      return bearer(token);
    },
    async token(name: string, grants: readonly Grant[], lifetime = 3_600_000): Promise<string> {
      const token = `kbp_${randomBytes(32).toString('base64url')}`;
      const { now } = clock;
      await desk.tokens.add(
        {
          id: randomBytes(6).toString('hex'),
          name,
          grants: grants.map(written),
          madeAt: now,
          expiresAt: now + lifetime,
          madeBy: 'os:ada',
        },
        token,
      );
      return token;
    },
    rewrite: (text: string) => writeFile(path, text),
    async close() {
      await refused.close();
      await events.close();
      await rm(folder, { recursive: true });
    },
  };
}

export type AccessWorld = Awaited<ReturnType<typeof openAccessWorld>>;

const written = ({ role, environments, teams, groups }: Grant) => ({
  role,
  ...(environments === undefined ? {} : { environments: [...environments] }),
  ...(teams === undefined ? {} : { teams: [...teams] }),
  ...(groups === undefined ? {} : { groups: [...groups] }),
});
