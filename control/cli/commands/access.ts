import { access, mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KeybatonError } from '../../../domain/errors.ts';
import { personRoles } from '../../access/access-file.ts';
import { hashOf } from '../../access/own-tokens.ts';
import type { OwnToken } from '../../access/own-tokens.ts';
import type { AccessFolder } from '../../access-folder.ts';
import type { Command, CommandContext } from '../command.ts';
import { relative, table } from '../text.ts';

const day = 86_400_000;
const longest = 400 * day;

async function folderOf({ environment }: CommandContext): Promise<AccessFolder> {
  if (environment.openAccess !== undefined) return environment.openAccess();
  throw new KeybatonError('UNSUPPORTED', 'access is kept where the HTTP API runs: type it on its host');
}

interface Wanted {
  readonly name: string;
  readonly role: string;
  readonly lifetime: number;
  readonly environments: readonly string[];
  readonly teams: readonly string[];
  readonly groups: readonly string[];
}

async function makeToken(
  folder: AccessFolder,
  { name, role: said, lifetime, ...where }: Wanted,
  actor: string,
): Promise<{ readonly token: string; readonly record: OwnToken }> {
  const role = personRoles.find((one) => one === said);
  if (role === undefined) throw new KeybatonError('INVALID_CONFIG', `the role is one of ${personRoles.join(', ')}`);
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name))
    throw new KeybatonError('INVALID_CONFIG', 'a token is named with a-z 0-9 -');
  if (lifetime < 1 || lifetime > longest)
    throw new KeybatonError('INVALID_CONFIG', 'an access token lives at most 400 days');
  const narrowed = Object.fromEntries(Object.entries(where).filter(([, names]) => names.length > 0));
  const madeAt = folder.now();
  const record: OwnToken = {
    id: Buffer.from(folder.random(6)).toString('hex'),
    name,
    grants: [{ role, ...narrowed }],
    madeAt,
    expiresAt: madeAt + lifetime,
    madeBy: actor,
  };
  const token = `kbp_${Buffer.from(folder.random(32)).toString('base64url')}`;
  await folder.tokens.add(record, token);
  const { id, grants, expiresAt } = record;
  try {
    await folder.record({
      kind: 'access.token-made',
      actor,
      body: { token: id, name, grants, expiresAt, method: 'local', address: 'local' },
    });
  } catch (thrown) {
    // Nobody has seen it yet: a token of which there is no record must let nobody in.
    await folder.tokens.revoke(id, actor, folder.now());
    throw thrown;
  }
  return { token, record };
}

/** Where nothing is yet: tokens alone, until the security team adds its identity provider. */
const firstFile = `# Who may sign in to keybaton, and what they may do. Owned by the security team; read again whenever it changes.
# What each role allows, and every key of this file: docs/access.md
session: 8h
# url: https://keybaton.example.com
# issuers:
#   company: { issuer: https://login.example.com, clientId: keybaton, clientSecret: env:KEYBATON_CLIENT_SECRET }
# grants:
#   - { group: sre, role: oncall }
#   - { group: search, role: team, teams: [search] }
`;

export const accessNewCommand: Command = {
  name: 'access new',
  summary: 'Let people in over HTTP: write an access file, and make one admin token',
  about: 'The token is shown once. Without an access file the HTTP API serves consumers alone.',
  options: [{ flags: '--lifetime <duration>', about: 'how long the token is good for (default: 30d)' }],
  answers: ['path', 'token', 'id', 'expiresAt'],
  examples: [{ line: 'keybaton access new', about: 'once, on the host of the API' }],
  async run(context, given) {
    const folder = await folderOf(context);
    const there = await access(folder.path).then(
      () => true,
      () => false,
    );
    if (there) throw new KeybatonError('CONFLICT', `${folder.path} is there already: see \`keybaton access make\``);
    const wanted = { name: 'first-admin', role: 'admin', lifetime: given.duration('lifetime') ?? 30 * day };
    const all = { environments: [], teams: [], groups: [] };
    const { token, record } = await makeToken(folder, { ...wanted, ...all }, context.actor);
    await mkdir(dirname(folder.path), { recursive: true, mode: 0o700 });
    await writeFile(folder.path, firstFile, { mode: 0o600, flag: 'wx' });
    context.output.answer({ path: folder.path, token, id: record.id, expiresAt: record.expiresAt }, () => token);
    context.output.note(`wrote ${folder.path}; the token of an admin is shown this once: start the API anew`);
    return 0;
  },
};

const where = [
  { flags: '--env <name...>', about: 'only for these environments' },
  { flags: '--team <name...>', about: 'only for these teams' },
  { flags: '--group <name...>', about: 'only for these groups' },
];

export const accessTokenMakeCommand: Command = {
  name: 'access make',
  summary: 'Make a token for a program that works with keybaton over HTTP',
  about: 'It is shown once and kept only as a hash. It is no person: it cannot agree as the second of two.',
  arguments: [
    { name: 'name', about: 'what the record calls it' },
    { name: 'role', about: personRoles.join(', ') },
  ],
  options: [{ flags: '--lifetime <duration>', about: 'how long it is good for (default: 90d)' }, ...where],
  answers: ['token', 'id', 'name', 'grants', 'madeAt', 'expiresAt', 'madeBy'],
  examples: [{ line: 'keybaton access make dashboards viewer --team search', about: 'sees what one team owns' }],
  async run(context, given) {
    const folder = await folderOf(context);
    const wanted: Wanted = {
      name: given.argument(0),
      role: given.argument(1),
      lifetime: given.duration('lifetime') ?? 90 * day,
      environments: given.texts('env'),
      teams: given.texts('team'),
      groups: given.texts('group'),
    };
    const { token, record } = await makeToken(folder, wanted, context.actor);
    context.output.answer({ token, ...record }, () => token);
    context.output.note(`token ${record.id} (${record.name}): shown this once`);
    return 0;
  },
};

export const accessTokenListCommand: Command = {
  name: 'access list',
  summary: 'Show access tokens, without their values',
  answers: ['tokens'],
  examples: [{ line: 'keybaton access list', about: 'which are in use, and until when' }],
  async run(context) {
    const folder = await folderOf(context);
    const tokens = await folder.tokens.list();
    context.output.answer({ tokens }, () =>
      tokens.length === 0
        ? 'no token yet: keybaton access make'
        : table(
            ['TOKEN', 'NAME', 'ROLE', 'EXPIRES', 'MADE BY'],
            tokens.map((one) => [
              one.id,
              one.name,
              one.grants.map(({ role }) => role).join(', '),
              relative(one.expiresAt, folder.now()),
              one.madeBy,
            ]),
            context.output.width,
          ),
    );
    return 0;
  },
};

export const accessTokenRevokeCommand: Command = {
  name: 'access revoke',
  summary: 'End an access token at once, with every sign-in made with it',
  arguments: [{ name: 'token', about: 'its id, as access list shows it' }],
  answers: ['id', 'revoked'],
  examples: [{ line: 'keybaton access revoke 1f3a9c0b2d4e', about: 'whoever uses it is refused from now on' }],
  async run(context, given) {
    const folder = await folderOf(context);
    const id = given.argument(0);
    await folder.tokens.revoke(id, context.actor, folder.now());
    await folder.record({
      kind: 'access.token-revoked',
      actor: context.actor,
      body: { token: id, method: 'local', address: 'local' },
    });
    context.output.answer({ id, revoked: true }, () => 'revoked');
    return 0;
  },
};

export const accessBreakGlassCommand: Command = {
  name: 'access break-glass',
  summary: 'Make a break-glass token: print it, and the lines of the access file that let it in',
  about:
    'Nothing is kept. Put the token into a safe and the lines into the access file, beside `notify`: whoever uses it wakes security.',
  arguments: [{ name: 'name', about: 'such as the safe it lies in' }],
  answers: ['token', 'name', 'sha256'],
  examples: [{ line: 'keybaton access break-glass safe-berlin', about: 'only the token goes to standard output' }],
  async run(context, given) {
    const folder = await folderOf(context);
    const name = given.argument(0);
    if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name))
      throw new KeybatonError('INVALID_CONFIG', 'a token is named with a-z 0-9 -');
    const token = `kbg_${Buffer.from(folder.random(32)).toString('base64url')}`;
    const sha256 = hashOf(token).toString('hex');
    context.output.answer({ token, name, sha256 }, () => token);
    context.output.note(`into ${folder.path}:\nbreakGlass:\n  ${name}: { sha256: '${sha256}', role: security }`);
    return 0;
  },
};
