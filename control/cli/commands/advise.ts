import { parseCredentialId } from '../../../domain/identifiers.ts';
import { adviseOperation } from '../../operations/table/advise.ts';
import type { AdviseView } from '../../operations/advise.ts';
import type { Advice } from '../../operations/advise/advice.ts';
import type { Command } from '../command.ts';
import { exitOfFindings, findingsText } from '../findings.ts';
import { count } from '../text.ts';

export const adviseCommand: Command = {
  name: 'advise',
  summary: 'Say what could be safer, each with the fact that shows it and what cures it',
  about:
    'Keys that need not exist, that are shared, have no end or limit, may do more than they need, serve two environments, or whose consumers cannot prove. Reads the ledger alone: no provider is asked, no value read, nothing written. The exit code is 8 when a rotation would cut somebody off, 10 when something cannot be told, and 0 with warnings alone. docs/advise.md has every code.',
  arguments: [{ name: 'credential', about: 'only what concerns this one', optional: true }],
  options: [{ flags: '--team <team>', about: 'only what concerns credentials of this team' }],
  answers: ['now', 'credentials', 'advice'],
  examples: [
    { line: 'keybaton advise', about: 'everything, what weighs most first' },
    { line: 'keybaton advise openai/prod/support-bot', about: 'one credential and its target' },
    { line: 'keybaton advise --team support --json', about: 'for a program: code, fact, why and fix of each' },
  ],
  async run({ output, call }, given) {
    const named = given.optionalArgument(0);
    const team = given.text('team');
    const view = await call(adviseOperation, {
      ...(named === undefined ? {} : { credential: parseCredentialId(named) }),
      ...(team === undefined ? {} : { team }),
    });
    output.answer(view, () => adviceText(view, output.width));
    return exitOfFindings(view.advice.map(asFinding));
  },
};

/** As `doctor` shows it, with the code to look up and the reason below the fact. */
const asFinding = ({ verdict, subject, code, fact, why, fix }: Advice) => ({
  verdict,
  subject,
  text: `${fact} [${code}]: ${why}`,
  remedy: fix,
});

function adviceText({ advice, credentials }: AdviseView, width: number): string {
  const looked = `${count(credentials, 'credential')} looked at`;
  if (advice.length === 0) return `nothing to advise; ${looked}`;
  return `${findingsText(advice.map(asFinding), width)}\n${advice.length} to consider; ${looked}`;
}
