import type { Declaration } from './declaration.ts';
import { placeholdersOf, stringsOf } from './template.ts';

export interface DeclarationProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Settings that every declared provider has. */
export const commonSettings = [
  'hosts',
  'maxLive',
  'createSpread',
  'revokeSpread',
  'lateCreate',
  'usageLag',
  'callTimeout',
] as const;

const secretNames = /^(admin|value|secret|material|api_key|token|password)\b/;
const expiries = ['expiresAt.iso', 'expiresAt.seconds', 'expiresAt.milliseconds'];

/** What no shape tells: placeholders that nothing fills, secrets outside headers, operations that contradict each other. */
export function declarationProblems(declaration: Declaration): readonly DeclarationProblem[] {
  return [
    ...calls(declaration).flatMap(([at, call, fillings]) => placeholderProblems(declaration, at, call, fillings)),
    ...headerProblems(declaration),
    ...abilityProblems(declaration),
    ...patternProblems(declaration),
  ];
}

interface Templates {
  readonly host?: string | undefined;
  readonly request?: string | undefined;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

function calls(one: Declaration): readonly (readonly [string, Templates, readonly string[]])[] {
  const all: readonly (readonly [string, Templates | undefined, readonly string[]])[] = [
    ['issue', one.issue, ['tag', 'version', ...expiries]],
    ['list', one.list, []],
    ['verify', one.verify, []],
    ['revoke', one.revoke, ['id']],
    ['suspend', one.suspend, ['id']],
    ['resume', one.resume, ['id']],
    ['usage', one.usage, ['id']],
  ];
  return all.flatMap(([at, call, fillings]) => (call === undefined ? [] : [[at, call, fillings] as const]));
}

function placeholderProblems(
  { hosts, settings }: Declaration,
  at: string,
  call: Templates,
  own: readonly string[],
): readonly DeclarationProblem[] {
  const known = [...own, ...Object.keys(settings).map((name) => `settings.${name}`)];
  const templates: readonly (readonly [readonly string[], string, 'address' | 'body'])[] = [
    ...(call.request === undefined ? [] : [[[at, 'request'], call.request, 'address'] as const]),
    ...Object.entries(call.query ?? {}).map(([name, text]) => [[at, 'query', name], text, 'address'] as const),
    ...stringsOf(call.body).map((text) => [[at, 'body'], text, 'body'] as const),
  ];
  const wrong = templates.flatMap(([path, text, where]) =>
    placeholdersOf(text).flatMap((name) => {
      if (known.includes(name)) {
        const moves = at === 'issue' && path[1] === 'request' && own.includes(name);
        if (moves)
          return [{ path, message: 'the path of issue is the place of every key: put what differs into the body' }];
        const setting = settings[name.replace(/^settings\./, '')];
        const sure =
          setting === undefined || (setting.is !== 'list' && setting.optional !== true && setting.orNull !== true);
        return path[1] !== 'request' || sure
          ? []
          : [{ path, message: `the path needs ${name}: it may be neither optional, nor null, nor a list` }];
      }
      if (secretNames.test(name)) return [{ path, message: secretMessage(where) }];
      return [{ path, message: `a placeholder here is one of ${known.map((one) => `{${one}}`).join(', ') || 'none'}` }];
    }),
  );
  const stray = templates.filter(([, text]) => /[{}]/.test(text.replace(/\{[^{}]*\}/g, '')));
  return [
    ...wrong,
    ...stray.map(([path]) => ({ path, message: 'a brace is left open: a placeholder is {name}' })),
    ...(call.host === undefined || Object.hasOwn(hosts, call.host)
      ? []
      : [{ path: [at, 'host'], message: `expected one of ${Object.keys(hosts).join(', ')}, as named under hosts` }]),
  ];
}

const secretMessage = (where: 'address' | 'body'): string =>
  where === 'address'
    ? 'a secret never stands in a path or query, which servers log: put {admin} into admin.headers, {value} into verify.headers'
    : 'a secret is sent in headers alone: put {admin} into admin.headers, {value} into verify.headers';

function headerProblems({ admin, verify }: Declaration): readonly DeclarationProblem[] {
  return [
    ...oneSecret(['admin', 'headers'], admin.headers, 'admin'),
    ...oneSecret(['verify', 'headers'], verify.headers, 'value'),
  ];
}

function oneSecret(
  path: readonly string[],
  headers: Readonly<Record<string, string>>,
  name: string,
): readonly DeclarationProblem[] {
  const named = Object.values(headers).flatMap(placeholdersOf);
  if (named.length === 1 && named[0] === name) return [];
  return [{ path, message: `expected {${name}} in exactly one header, and no other placeholder` }];
}

function abilityProblems(one: Declaration): readonly DeclarationProblem[] {
  const problems: DeclarationProblem[] = [];
  const say = (path: readonly (string | number)[], message: string) => problems.push({ path, message });
  const tagged = stringsOf(one.issue.body).some((text) => text.includes('{tag}'));
  if (one.traits.createIdempotency === 'tag-search' && !(tagged && one.list.tag !== undefined))
    say(
      ['traits', 'createIdempotency'],
      'tag-search needs {tag} in the body of issue, and list.tag where the list shows it',
    );
  if (one.traits.createIdempotency === 'list-diff' && (tagged || one.list.tag !== undefined))
    say(['traits', 'createIdempotency'], 'where keys carry our tag, say tag-search');
  if ((one.suspend === undefined) !== (one.resume === undefined))
    say([one.suspend === undefined ? 'resume' : 'suspend'], 'suspend and resume: declare both or neither');
  if (one.suspend !== undefined && one.list.disabled === undefined)
    say(['list', 'disabled'], 'what can be suspended must be seen: say where the list shows that a key is disabled');
  if (one.issue.secret === one.issue.id)
    say(['issue', 'id'], 'the id is public, the secret is not: they cannot be the same place');
  if (one.list.hint === one.issue.secret || one.list.id === one.issue.secret)
    say(['list'], 'the place of the secret is never read from a list');
  if (!one.list.request.startsWith('GET '))
    say(['list', 'request'], 'a list is asked for with GET: it may have no effect');
  if (one.usage?.request !== undefined && !one.usage.request.startsWith('GET '))
    say(['usage', 'request'], 'usage is asked for with GET: it may have no effect');
  for (const name of ['revoke', 'suspend', 'resume'] as const)
    if (
      one[name] !== undefined &&
      ![one[name].request, ...stringsOf(one[name].body)].some((text) => text.includes('{id}'))
    )
      say([name], 'without {id} in the path or the body this would not touch the one key that is meant');
  const says = one.verify.verdicts.map((rule) => rule.says);
  for (const needed of ['accepted', 'refused'] as const)
    if (!says.includes(needed))
      say(['verify', 'verdicts'], `no verdict says ${needed}: how does the vendor answer then?`);
  const reserved = Object.keys(one.settings).filter((name) => commonSettings.some((common) => common === name));
  for (const name of reserved)
    say(['settings', name], 'every declared provider has this setting already: choose another name');
  return problems;
}

function patternProblems({ material, settings }: Declaration): readonly DeclarationProblem[] {
  const patterns = [
    [['material', 'pattern'], material.pattern] as const,
    ...Object.entries(settings).map(
      ([name, one]) => [['settings', name, 'pattern'], 'pattern' in one ? one.pattern : undefined] as const,
    ),
  ];
  return patterns.flatMap(([path, pattern]) =>
    pattern === undefined || isPattern(pattern) ? [] : [{ path, message: 'not a regular expression of JavaScript' }],
  );
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}
