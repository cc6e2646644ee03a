import { KeybatonError } from '../../../domain/errors.ts';
import type { Command } from '../command.ts';
import { commands } from '../commands.ts';

export const completionCommand: Command = {
  name: 'completion',
  summary: 'Print what completes commands and options in your shell',
  arguments: [{ name: 'shell', about: 'bash, zsh or fish' }],
  answers: ['script'],
  examples: [
    { line: 'keybaton completion bash >> ~/.bashrc', about: 'from the next shell on' },
    { line: 'keybaton completion zsh > "${fpath[1]}/_keybaton"', about: 'likewise' },
    { line: 'keybaton completion fish > ~/.config/fish/completions/keybaton.fish', about: 'likewise' },
  ],
  run({ output }, given) {
    const shell = given.argument(0);
    const write = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
    if (write === undefined) throw new KeybatonError('INVALID_CONFIG', 'the shell is bash, zsh or fish');
    const script = write();
    output.answer({ script }, () => script);
    return Promise.resolve(0);
  },
};

/** What may follow: after nothing the first words, after a first word of two its second, after a command its options. */
function tree(): readonly {
  readonly after: string;
  readonly words: readonly (readonly [word: string, about: string])[];
}[] {
  const groups = new Map<string, [string, string][]>([['', []]]);
  for (const { name, summary, options = [], answers } of commands) {
    const [first = '', second] = name.split(' ');
    const top = groups.get('') ?? [];
    if (!top.some(([word]) => word === first)) top.push([first, second === undefined ? summary : `${first} ...`]);
    if (second !== undefined) groups.set(first, [...(groups.get(first) ?? []), [second, summary]]);
    const flags = options.map(({ flags: text, about }): [string, string] => [text.split(/[ ,]/)[0] ?? text, about]);
    groups.set(name, [
      ...flags,
      ...(answers.length > 0 ? [['--json', 'for programs'] as [string, string]] : []),
      ['--help', 'help'],
    ]);
  }
  return [...groups].map(([after, words]) => ({ after, words }));
}

const plain = (text: string): string => text.replaceAll(/[^A-Za-z0-9 ,.()/-]/g, '');

const cases = (indent: string): string =>
  tree()
    .map(({ after, words }) => `${indent}"${after}") words="${words.map(([word]) => word).join(' ')}" ;;`)
    .join('\n');

const scripts: Readonly<Record<string, () => string>> = {
  bash: () => `# keybaton completion bash
_keybaton() {
  local words="" cur="\${COMP_WORDS[COMP_CWORD]}" first="" second=""
  [ "$COMP_CWORD" -gt 1 ] && first="\${COMP_WORDS[1]}"
  [ "$COMP_CWORD" -gt 2 ] && second=" \${COMP_WORDS[2]}"
  local at
  for at in "$first$second" "$first"; do
    case "$at" in
${cases('      ')}
    esac
    [ -n "$words" ] && break
  done
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _keybaton keybaton`,
  zsh: () => `#compdef keybaton
# keybaton completion zsh
local words_of="" first="" second="" at words
(( CURRENT > 2 )) && first="\${words[2]}"
(( CURRENT > 3 )) && second=" \${words[3]}"
_keybaton_words() {
  local words=""
  case "$1" in
${cases('    ')}
  esac
  print -r -- "$words"
}
for at in "$first$second" "$first"; do
  words_of="$(_keybaton_words "$at")"
  [[ -n "$words_of" ]] && break
done
compadd -- \${=words_of}`,
  fish: () =>
    [
      '# keybaton completion fish',
      'complete -c keybaton -f',
      ...tree().flatMap(({ after, words }) => {
        const [first, second] = after.split(' ');
        const condition =
          after === ''
            ? '__fish_use_subcommand'
            : second === undefined
              ? `__fish_seen_subcommand_from ${first ?? ''}`
              : `__fish_seen_subcommand_from ${first ?? ''}; and __fish_seen_subcommand_from ${second}`;
        return words.map(([word, about]) =>
          word.startsWith('--')
            ? `complete -c keybaton -n '${condition}' -l ${word.slice(2)} -d '${plain(about)}'`
            : `complete -c keybaton -n '${condition}' -a ${word} -d '${plain(about)}'`,
        );
      }),
    ].join('\n'),
};
