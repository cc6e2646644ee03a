import { isKeybatonError } from '../domain/errors.ts';

/**
 * What Node would print of an error that nobody caught, and what its diagnostic reports would keep, may hold secrets: the
 * error's message, its properties and causes come from libraries, and the environment holds admin credentials. Instead the
 * kind of error is printed and where it was thrown, and the process ends with 1. Called once, before anything secret is read.
 */
export function keepLastWords(process: NodeJS.Process): void {
  process.report.excludeEnv = true;
  // It would keep the error as it is.
  process.report.reportOnUncaughtException = false;
  process.on('uncaughtException', (thrown) => {
    try {
      process.stderr.write(`${lastWords(thrown)}\n`);
    } finally {
      process.exit(1);
    }
  });
}

/** The kind of error and where it was thrown; a message only where it is one of ours, which holds no values. */
export function lastWords(thrown: unknown): string {
  const kind = kindOf(thrown);
  const said = isKeybatonError(thrown) ? ` (${thrown.code}: ${thrown.message})` : '';
  return [`keybaton was ended by an error that nobody caught: ${kind}${said}`, ...framesOf(thrown)].join('\n');
}

/** The name that its class has in the code; what an error says of itself can be changed by whoever throws it. */
function kindOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `something that is no error (${typeof thrown})`;
  const name: unknown = thrown.constructor.name;
  return typeof name === 'string' && /^[A-Za-z]{1,40}$/.test(name) ? name : 'Error';
}

/** The stack begins with name and message as they were when it was made; where they cannot be told from it, nothing is said. */
function framesOf(thrown: unknown): readonly string[] {
  if (!(thrown instanceof Error) || typeof thrown.stack !== 'string' || typeof thrown.message !== 'string') return [];
  const at = thrown.message === '' ? thrown.stack.indexOf('\n') : thrown.stack.indexOf(thrown.message);
  if (at < 0) return [];
  const frames = thrown.stack.slice(at + thrown.message.length).split('\n');
  return frames.filter((line) => /^ {4}at [^?#]*:\d+:\d+\)?$/.test(line)).slice(0, 20);
}
