import { parseDuration } from '../../domain/duration.ts';
import { KeybatonError } from '../../domain/errors.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import type { Given } from './command.ts';

/** Arguments and options as commander parsed them, read with their types. */
export function givenFrom(args: readonly unknown[], options: Readonly<Record<string, unknown>>): Given {
  const text = (option: string): string | undefined => {
    const value = options[option];
    return typeof value === 'string' ? value : undefined;
  };
  const optionalArgument = (index: number): string | undefined => {
    const value = args[index];
    return typeof value === 'string' ? value : undefined;
  };
  const argument = (index: number): string => {
    const value = optionalArgument(index);
    if (value === undefined) throw new KeybatonError('INVALID_CONFIG', 'an argument is missing: see --help');
    return value;
  };
  return {
    argument,
    optionalArgument,
    rest: () => args.filter((one) => typeof one === 'string'),
    credential: () => parseCredentialId(argument(0)),
    text,
    required(option, what) {
      const value = text(option)?.trim();
      if (value === undefined || value === '')
        throw new KeybatonError('INVALID_CONFIG', `--${option} is missing: ${what}`);
      return value;
    },
    texts(option) {
      const value = options[option];
      return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
    },
    flag: (option) => options[option] === true,
    duration(option) {
      const value = text(option);
      return value === undefined ? undefined : parseDuration(value);
    },
    number(option) {
      const value = text(option);
      if (value === undefined) return undefined;
      if (!/^\d{1,15}$/.test(value)) throw new KeybatonError('INVALID_CONFIG', `--${option} wants a whole number`);
      return Number(value);
    },
  };
}
