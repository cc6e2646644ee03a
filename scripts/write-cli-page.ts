// Writes docs/cli.md from the table of commands. `test/control/cli/docs.test.ts` fails when they differ.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format } from 'prettier';
import type { Command } from '../control/cli/command.ts';
import { commands } from '../control/cli/commands.ts';
import { errorTable } from '../domain/errors.ts';

const opening = `# The command line

Every command answers people by default and programs with \`--json\`, and has \`--help\` with examples. This page is made from the
table of commands (\`control/cli/commands.ts\`) by \`node scripts/write-cli-page.ts\`.

**Where it looks.** \`KEYBATON_HOME\` is the folder of the installation (\`.keybaton\` here unless set): ledger, embedded vault,
installation key, kill sheet. \`KEYBATON_LEDGER\` names a PostgreSQL ledger instead, \`TEMPORAL_ADDRESS\` and
\`TEMPORAL_NAMESPACE\` say where Temporal is. \`KEYBATON_CONFIG\` names a file that brings adapters of your own.

**Who did it.** Everything is recorded as \`os:<user>\`, with the reason that \`--why\` gives.

**JSON.** One document on standard output; \`watch\` and the processes print one object per line. A key that has nothing to say is
there as \`null\`; times are epoch milliseconds, durations milliseconds. A command that fails prints nothing there, and one object to
standard error: \`{"error": {"code", "message", "exit", "retryable"}}\`, with \`problems\` when a file was refused.

**Secrets** come from a hidden prompt or standard input and are never taken as an argument. Nothing prints one, but for
\`token make\`, which shows the new token once.

**Exit codes.** 0: it went well. 130: stopped watching with Ctrl-C; what was watched goes on. The others are those of
[the errors](errors.md): ${Object.entries(errorTable)
  .map(([code, { exit }]) => `${exit} \`${code}\``)
  .join(', ')}.
`;

export function cliPage(): Promise<string> {
  const list = commands.map(
    ({ name, summary }) => `| [\`${name}\`](#keybaton-${name.replaceAll(' ', '-')}) | ${summary} |`,
  );
  const text = [opening, '| command | what it does |', '|---|---|', ...list, '', ...commands.flatMap(section)].join(
    '\n',
  );
  return format(text, { parser: 'markdown', printWidth: 120 });
}

function section({
  name,
  summary,
  about,
  arguments: args = [],
  options = [],
  answers,
  examples,
}: Command): readonly string[] {
  const usage = [name, ...args.map((one) => (one.optional === true ? `[${one.name}]` : `<${one.name}>`))].join(' ');
  const rows = [
    ...args.map((one) => `| \`${one.name}\` | ${one.about} |`),
    ...options.map(
      (one) => `| \`${one.flags}\` | ${one.about}${one.default === undefined ? '' : ` (default: ${one.default})`} |`,
    ),
  ];
  return [
    `## keybaton ${name}`,
    '',
    `${summary}.${about === undefined ? '' : ` ${about}`}`,
    '',
    '```',
    `keybaton ${usage}`,
    '```',
    '',
    ...(rows.length === 0 ? [] : ['| | |', '|---|---|', ...rows, '']),
    '```sh',
    ...examples.flatMap((one) => [`# ${one.about}`, one.line]),
    '```',
    '',
    ...(answers.length === 0 ? [] : [`With \`--json\`: ${answers.map((key) => `\`${key}\``).join(', ')}.`, '']),
  ];
}

if (import.meta.main) await writeFile(join(import.meta.dirname, '..', 'docs', 'cli.md'), await cliPage());
