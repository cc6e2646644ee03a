import type { KeyAdvice, Slack } from '../../domain/key-advice.ts';
import type { Declaration } from './declaration.ts';
import type { DeclaredSettings } from './settings.ts';

/**
 * What a declaration lets people say openly is what it is told of: `orNull` answered by `null` is no limit; a word of `or`
 * in the place of a list, and a `*` in one, is everything.
 */
export function declaredAdvice({ settings: declared, keyless }: Declaration, settings: DeclaredSettings): KeyAdvice {
  const wide: Slack[] = [];
  const unlimited: Slack[] = [];
  for (const [name, setting] of Object.entries(declared)) {
    const said = settings[name];
    const about = setting.about === undefined ? '' : ` (${setting.about})`;
    if (setting.orNull === true && said === null)
      unlimited.push({ fact: `${name} is null${about}`, fix: `write ${name}: with a limit` });
    if (setting.is === 'list' && (typeof said === 'string' || (Array.isArray(said) && said.includes('*'))))
      wide.push({
        fact: `${name} is ${typeof said === 'string' ? said : '[*]'}${about}`,
        fix: `write ${name}: with a list of what its consumers need,`,
      });
  }
  return { wide, unlimited, ...(keyless !== undefined && { keyless }) };
}
