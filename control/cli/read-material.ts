import { isCancel, password } from '@clack/prompts';
import { KeybatonError } from '../../domain/errors.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import type { TargetTraits } from '../../inventory/adapters.ts';
import type { CommandContext } from './command.ts';

/** Longer than any key or certificate bundle; a mistaken file is noticed before it is held in memory. */
const longest = 64 * 1024;

/**
 * The value, from a hidden prompt at a terminal, else from standard input: the value itself where the material has one
 * field, a JSON object of all fields where it has more. No message ever repeats what was read.
 */
export async function readMaterial(context: CommandContext, shape: TargetTraits['material']): Promise<SecretMaterial> {
  return new SecretMaterial(await readSecretFields(context, shape), shape.value);
}

/** The same as plain text, for what goes on to the API at once: no other use of it. */
export async function readSecretFields(
  context: CommandContext,
  shape: Pick<TargetTraits['material'], 'fields'>,
): Promise<Readonly<Record<string, string>>> {
  const { stdin } = context.environment;
  const fields =
    stdin.isTTY === true ? await ask(context, shape.fields) : fromText(await readAll(context), shape.fields);
  for (const name of shape.fields) {
    const value = fields[name];
    if (value === undefined || value.trim() === '') throw new KeybatonError('INVALID_CONFIG', `${name} is empty`);
    // eslint-disable-next-line no-control-regex -- a value with a line break or escape sequence is a slip of the paste
    if (/[\u0000-\u001f\u007f]/.test(value))
      throw new KeybatonError(
        'INVALID_CONFIG',
        `${name} holds a line break or control character: give the value alone`,
      );
  }
  return fields;
}

async function ask({ environment, signal }: CommandContext, names: readonly string[]): Promise<Record<string, string>> {
  const fields: Record<string, string> = {};
  for (const name of names) {
    const answer = await password({
      message: `${name} (not shown)`,
      input: environment.stdin,
      output: environment.stderr,
      signal,
      mask: '*',
    });
    if (isCancel(answer)) throw new KeybatonError('INVALID_CONFIG', 'nothing was supplied: the prompt was left');
    fields[name] = answer;
  }
  return fields;
}

async function readAll({ environment: { stdin }, signal }: CommandContext): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  const stop = (): void => void stdin.destroy();
  signal.addEventListener('abort', stop);
  try {
    for await (const part of stdin) {
      const bytes = Buffer.isBuffer(part) ? part : Buffer.from(String(part));
      size += bytes.length;
      if (size > longest)
        throw new KeybatonError('INVALID_CONFIG', 'standard input holds more than any secret: give the value alone');
      parts.push(bytes);
    }
  } finally {
    signal.removeEventListener('abort', stop);
  }
  if (signal.aborted) throw new KeybatonError('INVALID_CONFIG', 'nothing was supplied: standard input was left');
  return Buffer.concat(parts).toString('utf8');
}

function fromText(text: string, names: readonly string[]): Record<string, string> {
  const [only] = names;
  // A shell's `echo` and every editor end a line; that line break is no part of the value.
  if (names.length === 1 && only !== undefined) return { [only]: text.replace(/\r?\n$/, '') };
  const wanted = `expected a JSON object with ${names.join(', ')} on standard input`;
  const parsed = parse(text);
  if (typeof parsed !== 'object' || parsed === null) throw new KeybatonError('INVALID_CONFIG', wanted);
  const given = new Map<string, unknown>(Object.entries(parsed));
  if (given.size !== names.length) throw new KeybatonError('INVALID_CONFIG', wanted);
  return Object.fromEntries(
    names.map((name) => {
      const value = given.get(name);
      if (typeof value !== 'string') throw new KeybatonError('INVALID_CONFIG', wanted);
      return [name, value];
    }),
  );
}

/** A parse error quotes its input: it is dropped whole. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
