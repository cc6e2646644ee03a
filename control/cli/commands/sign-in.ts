import { hostname } from 'node:os';
import { z } from 'zod';
import { KeybatonError } from '../../../domain/errors.ts';
import { looksSigned } from '../../access/signed-tokens.ts';
import type { Command, CommandContext, Given } from '../command.ts';
import { issuerAt, tokenByDevice } from '../device-sign-in.ts';
import { readSecretFields } from '../read-material.ts';
import { askApi, endSignIn } from '../remote-call.ts';
import { addressOf } from '../sessions.ts';
import { moment, table } from '../text.ts';

const whoShape = z.object({
  actor: z.string(),
  person: z.string().nullable(),
  method: z.string(),
  expiresAt: z.number(),
  grants: z.array(
    z.object({
      role: z.string(),
      environments: z.array(z.string()).nullable(),
      teams: z.array(z.string()).nullable(),
      groups: z.array(z.string()).nullable(),
    }),
  ),
});
type Who = z.output<typeof whoShape>;

async function whoIs(url: string, token: string): Promise<Who> {
  const read = whoShape.safeParse(await askApi(url, token, '/v1/whoami'));
  if (read.success) return read.data;
  throw new KeybatonError(
    'UNAVAILABLE',
    'the API answered something else than this build expects: is it of another version',
  );
}

const profile = { flags: '--profile <name>', about: 'what KEYBATON_PROFILE calls it', default: 'default' };

/** By device where a person sits and the API has an identity provider for it; else somebody pastes a token. */
async function tokenFor(context: CommandContext, given: Given, url: string): Promise<string> {
  const [issuer, paste] = [given.text('issuer'), given.flag('token')];
  if (paste && issuer !== undefined) throw new KeybatonError('INVALID_CONFIG', 'say --token or --issuer, not both');
  if (issuer !== undefined || (!paste && context.environment.stdin.isTTY === true)) {
    const place = await issuerAt(url, issuer);
    if (place !== undefined) return tokenByDevice(context, url, place);
  }
  const { token = '' } = await readSecretFields(context, { fields: ['token'] });
  return token.trim();
}

export const loginCommand: Command = {
  name: 'login',
  summary: 'Sign in at an API, or keep a token of it, so that commands can go there',
  about:
    'At a terminal it shows an address and a code, to confirm in any browser, where the API has an identity provider for command lines. Else, and with --token, a token comes from a hidden prompt or standard input. Either is tried before it is kept, in the folder for settings of this system, mode 0600. Commands go there once KEYBATON_URL or KEYBATON_PROFILE says so; without them they stay on this machine.',
  arguments: [{ name: 'address', about: 'https://host of the API (default: KEYBATON_URL)', optional: true }],
  options: [
    profile,
    { flags: '--issuer <name>', about: 'which identity provider, where the API has several' },
    { flags: '--token', about: 'ask for a token, and do not show it' },
  ],
  answers: ['profile', 'url', 'actor', 'expiresAt'],
  examples: [
    { line: 'keybaton login https://keybaton.example.com', about: 'shows an address and a code for a browser' },
    { line: 'keybaton login https://keybaton.example.com --token', about: 'asks for a token instead' },
    { line: 'keybaton login https://keybaton.example.com --profile prod < token.txt', about: 'one of several' },
  ],
  async run(context, given) {
    const { output, sessions, environment } = context;
    const typed = given.optionalArgument(0) ?? environment.variable?.('KEYBATON_URL');
    if (typed === undefined) throw new KeybatonError('INVALID_CONFIG', 'say which API: keybaton login https://host');
    const url = addressOf(typed);
    const name = given.text('profile') ?? 'default';
    if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name))
      throw new KeybatonError('INVALID_CONFIG', 'a profile is named with a-z 0-9 -');
    const token = await tokenFor(context, given, url);
    const { actor, expiresAt } = await whoIs(url, token);
    await sessions.keep(name, { url, token });
    output.answer({ profile: name, url, actor, expiresAt }, () =>
      [
        `signed in at ${url} as ${actor}, until ${moment(expiresAt)} UTC`,
        `next: export ${name === 'default' ? `KEYBATON_URL=${url}` : `KEYBATON_PROFILE=${name}`}  (commands go there)`,
      ].join('\n'),
    );
    return 0;
  },
};

export const logoutCommand: Command = {
  name: 'logout',
  summary: 'Forget the token of an API on this machine',
  about:
    'A sign-in ends at the API too, for every copy of it. A token of your own goes on being good until it expires or is revoked.',
  options: [profile],
  answers: ['profile', 'forgotten', 'ended'],
  examples: [{ line: 'keybaton logout --profile prod', about: 'the other sign-ins stay' }],
  async run({ output, sessions }, given) {
    const name = given.text('profile') ?? 'default';
    const kept = await sessions.forget(name);
    // Forgotten it is in any case; what could not be ended ends by itself.
    const isSignIn = kept !== undefined && looksSigned(kept.token);
    const ended = isSignIn && (await endSignIn(kept));
    output.answer({ profile: name, forgotten: kept !== undefined, ended }, () => {
      if (kept === undefined) return `nobody was signed in as ${name}`;
      return ended || !isSignIn
        ? `${name} is forgotten`
        : `${name} is forgotten; the API did not answer, and knows it until it expires`;
    });
    return 0;
  },
};

export const whoamiCommand: Command = {
  name: 'whoami',
  summary: 'Show where commands go, as whom, and what they may do there',
  answers: ['url', 'actor', 'person', 'method', 'expiresAt', 'grants', 'profiles'],
  examples: [{ line: 'keybaton whoami', about: 'this machine, or the API that KEYBATON_URL names' }],
  async run({ output, sessions, actor }) {
    const chosen = await sessions.chosen();
    const profiles = await sessions.list();
    if (chosen === undefined) {
      const here = { url: null, actor, person: null, method: 'local', expiresAt: null, grants: [], profiles };
      output.answer(here, () => `${actor} on ${hostname()}: commands stay on this machine`);
      return 0;
    }
    if (chosen.token === undefined)
      throw new KeybatonError('ACCESS_DENIED', `nobody is signed in at ${chosen.url}: keybaton login`);
    const who = await whoIs(chosen.url, chosen.token);
    output.answer({ url: chosen.url, ...who, profiles }, () =>
      [
        `${who.actor} at ${chosen.url}, until ${moment(who.expiresAt)} UTC`,
        table(
          ['ROLE', 'ENVIRONMENTS', 'TEAMS', 'GROUPS'],
          who.grants.map(({ role, ...where }) => [
            role,
            ...[where.environments, where.teams, where.groups].map((part) => part?.join(', ') ?? 'all'),
          ]),
          output.width,
        ),
      ].join('\n'),
    );
    return 0;
  },
};
