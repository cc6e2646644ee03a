import { lstat, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KeybatonError } from '../../domain/errors.ts';

/** The name that the template files have, once as it is and once as a part of TypeScript names. */
const placeholder = { name: 'acme-vendor', camel: 'acmeVendor', upper: 'ACME_VENDOR' };
const config = 'keybaton.config.mts';

export interface BegunProvider {
  /** What was written, by file name. */
  readonly files: readonly string[];
  /** Lines for a configuration that is there already; undefined: it was written. */
  readonly add: readonly string[] | undefined;
}

/** Throws INVALID_CONFIG when no adapter can have this name: it names files, an entry of targets.yml and a function. */
export function checkProviderName(name: string): void {
  if (/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) && name.length <= 40) return;
  throw new KeybatonError(
    'INVALID_CONFIG',
    'expected a name such as acme or acme-ai for the provider: lower-case letters, digits and single hyphens, a letter first, at most 40 characters',
  );
}

/**
 * Writes adapter, test, page and, where there is none, `keybaton.config.mts` into the folder, which is made when absent.
 * CONFLICT when one of them is there: nothing is ever written over, and nothing is written then.
 */
export async function beginProvider(name: string, folder: string): Promise<BegunProvider> {
  const files = [`${name}.mts`, `${name}.test.mts`, `${name}.md`];
  const there: string[] = [];
  for (const file of files) if (await exists(join(folder, file))) there.push(file);
  if (there.length > 0) throw taken(there);

  const hasConfig = await exists(join(folder, config));
  const written = hasConfig ? files : [...files, config];
  const texts = await Promise.all(
    written.map(async (file) => renamed(await templateText(file.replace(name, placeholder.name)), name)),
  );
  await writeAll(folder, written, texts);
  return { files: written, add: hasConfig ? configLines(name) : undefined };
}

/** What a configuration needs for this provider: an import, and an entry under `providers`. */
function configLines(name: string): readonly string[] {
  const { camel } = namesOf(name);
  return [`import { ${camel}Provider } from './${name}.mts';`, `'${name}': () => ${camel}Provider(),`];
}

function renamed(text: string, name: string): string {
  const { camel, upper } = namesOf(name);
  return text
    .replaceAll(placeholder.name, name)
    .replaceAll(placeholder.camel, camel)
    .replaceAll(placeholder.upper, upper);
}

function namesOf(name: string): { readonly camel: string; readonly upper: string } {
  return {
    camel: name.replaceAll(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
    upper: name.replaceAll('-', '_').toUpperCase(),
  };
}

/** From beside the package's own package.json: two folders up in a checkout, three in the compiled package. */
async function templateText(file: string): Promise<string> {
  for (const place of ['../../templates/provider/', '../../../templates/provider/']) {
    try {
      return await readFile(new URL(place + file, import.meta.url), 'utf8');
    } catch {
      // Not there: it is looked for one folder higher.
    }
  }
  throw new KeybatonError('NOT_FOUND', `this installation has no template ${file}: install keybaton again`);
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return false;
    throw unwritable(path, thrown);
  }
}

/** All of them, or none: what was begun is taken away when one cannot be written. */
async function writeAll(folder: string, files: readonly string[], texts: readonly string[]): Promise<void> {
  const written: string[] = [];
  try {
    await mkdir(folder, { recursive: true });
    for (const [index, file] of files.entries()) {
      await writeFile(join(folder, file), texts[index] ?? '', { flag: 'wx' });
      written.push(file);
    }
  } catch (thrown) {
    for (const file of written) await rm(join(folder, file));
    throw codeOf(thrown) === 'EEXIST' ? taken([files[written.length] ?? folder]) : unwritable(folder, thrown);
  }
}

function taken(files: readonly string[]): KeybatonError {
  return new KeybatonError(
    'CONFLICT',
    `${files.join(', ')}: there already, and nothing is written over: choose another name, or another folder with --out`,
  );
}

function unwritable(path: string, thrown: unknown): KeybatonError {
  return new KeybatonError('INVALID_CONFIG', `cannot write ${path}: ${codeOf(thrown)}: choose a folder with --out`, {
    cause: thrown,
  });
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown';
}
