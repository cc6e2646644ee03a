import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../setup/places.mjs';

/** Where the kit runs over an adapter. */
export interface KitFile {
  readonly file: string;
  /** Which suites of the file are this adapter's; left out: all. */
  readonly suites?: RegExp;
}

/** What answers the adapter in that file. */
export type Against =
  | { readonly kind: 'itself' }
  | { readonly kind: 'fake' }
  /** A fake behind a proxy that holds both sides to the vendor's official description. */
  | { readonly kind: 'described'; readonly by: string }
  | { readonly kind: 'real' };

/** Adapters whose suite is not in the file of their own name. */
const elsewhere: Readonly<Record<string, KitFile>> = {
  cohere: { file: 'test/providers/bearer-key.test.ts', suites: /^cohere / },
  elevenlabs: { file: 'test/providers/declared-elevenlabs.test.ts' },
  fireworks: { file: 'test/providers/declared.test.ts', suites: /^fireworks, / },
  'in-memory-generated': { file: 'test/providers/in-memory.test.ts', suites: /, n keys that we choose$/ },
  'in-memory-slots': { file: 'test/providers/in-memory.test.ts', suites: /, two slots that we fill$/ },
  'in-memory-supplied': { file: 'test/providers/in-memory.test.ts', suites: /, keys that an operator supplies$/ },
  mistral: { file: 'test/providers/bearer-key.test.ts', suites: /^mistral / },
  xai: { file: 'test/providers/declared.test.ts', suites: /^xai, / },
};
const apart: Readonly<Record<string, RegExp>> = {
  'bearer-key': /^bearer-key /,
  'in-memory': /, (?:n keys that are minted|at most three keys|keys that spread)/,
};

/** The file in which the kit runs over an adapter of `folder`; undefined: nothing holds it to its contract. */
export function kitFile(folder: 'providers' | 'backends', name: string): KitFile | undefined {
  const named = folder === 'providers' ? elsewhere[name] : undefined;
  if (named !== undefined) return named;
  const file = [`test/${folder}/${name}.test.ts`, `test/slow/${name}.test.ts`].find(
    (one) => existsSync(join(root, one)) && /\b(?:providerSuite|runBackendSuite)[<(]/.test(text(one)),
  );
  if (file === undefined) return undefined;
  const suites = folder === 'providers' ? apart[name] : undefined;
  return { file, ...(suites !== undefined && { suites }) };
}

/** Told from what the test file, and the helpers beside it that it imports, bring up. */
export function againstIn(file: string): Against {
  const files = [file, ...helpersOf(file)];
  const all = files.map(text).join('\n');
  const [, by] = /(?:vendorWorld<.*>|startPrism)\((?:'[\w-]+', )?'([\w.-]+\.(?:ya?ml|json))'/.exec(all) ?? [];
  if (by !== undefined) return { kind: 'described', by };
  if (/scripts\/servers\/[\w-]+-server\.ts/.test(all) || /\bstart(?:OpenBao|Vault)\w*\(/.test(all))
    return { kind: 'real' };
  if (/from '[./]*fakes\//.test(all)) return { kind: 'fake' };
  return { kind: 'itself' };
}

function helpersOf(file: string): readonly string[] {
  return [...text(file).matchAll(/^import (?!type ).* from '(\.\.?\/[\w./-]+\.ts)';$/gm)].flatMap(([, path = '']) => {
    const helper = join(dirname(file), path);
    // What every file of that folder imports says nothing about one of them.
    return helper.startsWith('test/') && !/(?:vendor-world|provider-target)\.ts$/.test(helper) ? [helper] : [];
  });
}

const text = (file: string): string => readFileSync(join(root, file), 'utf8');
