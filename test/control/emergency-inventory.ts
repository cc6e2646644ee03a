import { parseCredentialId } from '../../domain/identifiers.ts';

/** Two files with three credentials of two teams, in two environments. */
export const bot = parseCredentialId('in-memory/prod/bot');
export const ads = parseCredentialId('in-memory/prod/ads');
export const lab = parseCredentialId('in-memory/lab/bot');

export const targets = `
targets:
  memory: { provider: in-memory, environment: prod, admin: env:ADMIN, teams: [search, ads] }
  lab: { provider: in-memory, environment: lab, admin: env:ADMIN, teams: [search, ads] }
backends:
  vault: { kind: in-memory }
`;
export const inventory = `
teams: [search, ads]
credentials:
  in-memory/prod/bot:
    target: memory
    team: search
    groups: [chat]
    dependents: [in-memory/prod/ads]
    consumers: [{ name: web }, { name: batch }]
  in-memory/prod/ads:
    target: memory
    team: ads
    emergency: { policy: replace-first, bound: 10m }
    consumers: [{ name: web }]
  in-memory/lab/bot:
    target: lab
    team: search
    groups: [chat]
    consumers: [{ name: lab }]
`;
