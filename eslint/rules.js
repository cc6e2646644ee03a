import { builtinModules } from 'node:module';
import { dirname, posix, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importTable, registries, revealAllowedIn, rootFiles } from './import-table.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** Path of a file from the root of the repository, with forward slashes. */
function fromRoot(file) {
  return relative(root, file).split(sep).join(posix.sep);
}

/** `providers/openai/keys.ts` and `providers/openai.ts` are both of the entry `openai`. */
function entryOf(path) {
  return path.split('/')[1]?.replace(/\.[^.]+$/, '');
}

function matches(path, allowed) {
  return allowed.some((entry) => path === entry || path.startsWith(`${entry}/`) || path === `${entry}.ts`);
}

function isBuiltin(specifier) {
  return specifier.startsWith('node:') || builtinModules.includes(specifier);
}

function packageOf(specifier) {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/**
 * Why a file may not import a specifier.
 * @returns {string | undefined} the reason, or undefined when it may
 */
export function importProblem({ file, specifier, typeOnly }) {
  const folder = file.includes('/') ? file.split('/')[0] : undefined;
  const row = folder === undefined ? rootFiles[file] : importTable[folder];
  if (row === undefined) return undefined;
  const importer = folder ?? file;

  if (!specifier.startsWith('.')) {
    if (isBuiltin(specifier)) {
      return row.builtins === false ? `${importer} may not import the Node built-in ${specifier}` : undefined;
    }
    const name = packageOf(specifier);
    return row.packages === undefined || row.packages.includes(name)
      ? undefined
      : `${importer} may not import the npm package ${name}`;
  }

  const target = posix.normalize(posix.join(posix.dirname(file), specifier));
  if (target.split('/')[0] === folder) {
    if (
      !row.apart ||
      registries.includes(file) ||
      target === row.contract ||
      row.shared?.includes(target) ||
      entryOf(target) === entryOf(file)
    ) {
      return undefined;
    }
    return `${folder}/${entryOf(file)} may not import ${target}: adapters never import each other`;
  }
  if (matches(target, row.may)) return undefined;
  if (matches(target, row.types ?? [])) {
    return typeOnly ? undefined : `${importer} may import ${target} only with "import type"`;
  }
  // A file at the root that is no folder of ours (package.json) belongs to everybody who may touch the disk.
  if (!target.includes('/') && !target.endsWith('.ts') && row.builtins !== false) return undefined;
  return `${importer} may not import ${target} (see eslint/import-table.js)`;
}

const imports = {
  meta: { type: 'problem', schema: [], docs: { description: 'hold every import to eslint/import-table.js' } },
  create(context) {
    const file = fromRoot(context.filename);
    function check(source, typeOnly) {
      if (source?.type !== 'Literal' || typeof source.value !== 'string') return;
      const message = importProblem({ file, specifier: source.value, typeOnly });
      if (message !== undefined) context.report({ node: source, message });
    }
    return {
      ImportDeclaration: (node) => check(node.source, node.importKind === 'type'),
      ExportNamedDeclaration: (node) => check(node.source, node.exportKind === 'type'),
      ExportAllDeclaration: (node) => check(node.source, node.exportKind === 'type'),
      ImportExpression: (node) => check(node.source, false),
      TSImportType: (node) => check(node.source ?? node.argument?.literal, true),
    };
  },
};

const reveal = {
  meta: { type: 'problem', schema: [], docs: { description: 'material leaves SecretMaterial in few, named places' } },
  create(context) {
    const file = fromRoot(context.filename);
    if (revealAllowedIn.some((place) => file.startsWith(place))) return {};
    const message = 'reveal() is not allowed here (see revealAllowedIn in eslint/import-table.js)';
    return {
      'MemberExpression[property.name="reveal"]': (node) => context.report({ node, message }),
      'MemberExpression[property.value="reveal"]': (node) => context.report({ node, message }),
      'ObjectPattern > Property[key.name="reveal"]': (node) => context.report({ node, message }),
    };
  },
};

export const keybatonRules = { rules: { imports, reveal } };
