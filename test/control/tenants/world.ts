import { KeybatonError } from '../../../domain/errors.ts';
import { parseCredentialId } from '../../../domain/identifiers.ts';
import type { VersionId } from '../../../domain/identifiers.ts';
import { openAccessDesk } from '../../../worker/people.ts';
import { grantOf, openAccessWorld } from '../access/access-world.ts';
import { why } from '../http-api/operation-samples.ts';
import { openPeopleWorld } from '../http-api/people-world.ts';
import { sheetOf } from '../kill-sheet.ts';

export const bot = parseCredentialId('in-memory/prod/bot');
/** Of the other team; `bot` names it as a dependent, so that its id is known to the team of `bot`. */
export const partner = parseCredentialId('in-memory/prod/partner');
export const quagga = parseCredentialId('in-memory/prod/quagga');
export const quaggaDead = parseCredentialId('in-memory/prod/quagga-dead');

/** The unmistakable name: of the other team, its credentials, targets, groups, consumers, paths, people and reasons. */
export const foreign = /quagga/i;

export const targets = `
targets:
  memory: { provider: in-memory, environment: prod, admin: env:ADMIN, teams: [search, quagga] }
  quagga-target: { provider: in-memory, environment: prod, admin: env:ADMIN, teams: [quagga] }
backends:
  vault: { kind: in-memory }
  quagga-vault: { kind: in-memory }
`;
export const searchInventory = `
teams: [search]
credentials:
  in-memory/prod/bot:
    target: memory
    team: search
    groups: [chat]
    dependents: [in-memory/prod/partner]
    backends: [{ backend: vault }]
    consumers: [{ name: web, demand: acknowledged }, { name: batch }]
    mode: ask
`;
const quaggaInventory = `
teams: [quagga]
credentials:
  in-memory/prod/partner:
    target: memory
    team: quagga
    dependents: [in-memory/prod/quagga]
    backends: [{ backend: quagga-vault }]
    consumers: [{ name: quagga-web }]
  in-memory/prod/quagga:
    target: quagga-target
    team: quagga
    groups: [chat, quagga-group]
    apartFrom: [in-memory/prod/bot]
    mode: ask
    backends: [{ backend: quagga-vault, path: ai/quagga-secret/x }]
    consumers: [{ name: quagga-web, demand: acknowledged }]
  in-memory/prod/quagga-dead:
    target: memory
    team: quagga
    groups: [chat]
    backends: [{ backend: vault, path: ai/quagga-secret/dead }]
    consumers: [{ name: quagga-web }]
`;

/** The real guard over TCP, and an installation in which the other team has something of everything. */
export async function openTenants() {
  const access = await openAccessWorld();
  const world = await openPeopleWorld({ people: access.people });
  const root = await access.token('root', [grantOf('admin')]);
  const search = searchInventory.replace('    dependents: [in-memory/prod/partner]\n', '');
  for (const file of [search, quaggaInventory, searchInventory])
    if ((await world.apply(file, targets)).exit !== 0) throw new Error('the tenants were not applied');

  const { ledger } = world;
  const versions: Record<string, VersionId> = {};
  for (const [index, credential] of [bot, bot, partner, quagga, quagga, quaggaDead].entries()) {
    versions[credential] = await world.promote(credential, `r${index}`);
    await world.end(credential, `r${index}`, 'rotated');
  }
  const deadOf = versions[quaggaDead];
  if (deadOf === undefined) throw new Error('it was promoted');
  await ledger.dead({ version: deadOf, grade: 'refused' });
  world.incidents.sheet = {
    ...sheetOf([bot, quagga].map((credential) => ({ credential, version: versions[credential] ?? '' }))),
    targets: { targets: {}, backends: {} },
  };

  const asRoot = (path: string, body: object) => world.ask('POST', path, { token: root, body });
  const incidentOf = async (credentials: readonly string[]): Promise<string> =>
    String((await asRoot('/v1/emergencies', { credentials, why })).json['incident']);
  // Its scope names one that has nothing alive: only keys of the team are in it.
  const incident = await incidentOf([bot, quaggaDead]);
  const theirs = await incidentOf([quagga]);
  await incidentOf([bot, quagga]);
  await asRoot(`/v1/credentials/${quagga}/pause`, { why: 'quagga has a feast' });
  await asRoot('/v1/freeze', { credential: quagga, why: 'quagga has a feast' });
  await asRoot('/v1/consumer-tokens', { credential: quagga, consumer: 'quagga-web' });
  const token = String((await asRoot('/v1/consumer-tokens', { credential: bot, consumer: 'web' })).json['id']);
  const alarm = (credential: typeof bot, key: string, text: string) =>
    ledger.alarm({ credential, key, text, page: true });
  await alarm(quagga, 'held/1', 'quagga-web has not proved');
  await alarm(bot, 'admin-last', `the old one lives on: ${quagga} is not dead yet at memory`);
  for (const kind of ['stray', 'unmanaged'] as const)
    await ledger.sighted({ target: 'quagga-target', kind, refs: [{ id: 'key-quagga' }] });
  await ledger.remember(`drill/${quagga}`, JSON.stringify(drilled(versions[quagga] ?? '')));
  const approval = await openAccessDesk(world.folder).approvals.ask({
    what: `waive of ${quagga}`,
    operation: 'waive',
    input: { credential: quagga, consumer: 'quagga-web' },
    reach: { kind: 'entries', entries: [{ environment: 'prod', team: 'quagga', groups: ['quagga-group'] }] },
    why: 'quagga-web never proves',
    by: 'token:somebody',
    now: Date.now(),
  });
  world.incidents.prints.set('quaggas-value', [
    { provider: 'in-memory', fingerprint: `kb1:p:${versions[quagga] ?? ''}` },
  ]);
  world.incidents.prints.set('bots-value', [{ provider: 'in-memory', fingerprint: `kb1:p:${versions[bot] ?? ''}` }]);
  // What a process with the vault says of a value that another entry has: see the file of that name.
  Object.assign(world.ports.supplies, {
    supply: () =>
      Promise.reject(new KeybatonError('CONFLICT', `this value is known already: it is version kb1 of ${quagga}`)),
  });

  return {
    ...world,
    access,
    root,
    incident,
    theirs,
    token,
    approval: approval.id,
    async close() {
      await world.close();
      await access.close();
    },
  };
}

export type Tenants = Awaited<ReturnType<typeof openTenants>>;

const drilled = (version: string) => ({
  at: 1,
  credential: quagga,
  version,
  incident: '2026-01-01-quagga',
  measures: { toContained: 1, toDead: 2, toLastUse: null, uses: {}, verdict: 'failed', because: ['quagga was slow'] },
});
