import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, bundleWorkflowCode } from '@temporalio/worker';

/** What `Worker.create` takes as `workflowBundle`. */
export interface WorkflowBundle {
  readonly codePath: string;
}

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Beside the compiled worker of a package; absent in a checkout. */
const prebuilt = here('../workflows/bundle.js');

/** Everything that is bundled lies in these two folders: the import table sees to it. */
const bundledFolders = ['workflows', 'domain'];

const root = here('..');
const mapStart = '//# sourceMappingURL=data:application/json;charset=utf-8;base64,';

/** The inline source map without the place of this checkout: the same sources make the same bundle on every machine. */
function withoutOurPlace(code: string): string {
  const at = code.lastIndexOf(mapStart);
  if (at === -1) throw new Error('the bundle has no inline source map');
  const map = Buffer.from(code.slice(at + mapStart.length), 'base64').toString();
  return code.slice(0, at) + mapStart + Buffer.from(map.replaceAll(root, '')).toString('base64');
}

/**
 * Bundles the workflow code into one file. This is the only place that names the path of the workflows.
 * @throws when a workflow imports what the sandbox does not have (a Node built-in)
 */
export async function buildWorkflowBundle(file: string): Promise<void> {
  const workflowsPath = here('../workflows/index.ts');
  const { code } = await bundleWorkflowCode({
    workflowsPath,
    // Loaded once for a thread, and frozen, instead of anew for each run. No module may keep what belongs to one run.
    preloadModules: [workflowsPath],
    logger: new DefaultLogger('WARN'),
    // Modules are named from here, and not from wherever the command was started.
    webpackConfigHook: (config) => ({ ...config, context: root }),
  });
  await mkdir(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}`;
  await writeFile(temporary, withoutOurPlace(code));
  await rename(temporary, file);
}

/** A name for the present content of the workflow code, how it is bundled and the version of the SDK that does it. */
async function contentName(): Promise<string> {
  const hash = createHash('sha256');
  const sdk = createRequire(import.meta.url).resolve('@temporalio/worker/package.json');
  for (const file of [sdk, here('workflow-bundle.ts')]) hash.update(await readFile(file));
  for (const folder of bundledFolders) {
    const root = here(`../${folder}`);
    const names = (await readdir(root, { recursive: true })).filter((name) => name.endsWith('.ts')).sort();
    for (const name of names) {
      const content = await readFile(join(root, name));
      hash.update(`${folder}/${name}\0${content.length}\0`).update(content);
    }
  }
  return hash.digest('hex').slice(0, 32);
}

/**
 * The workflow code for a worker: what a package brought, or in a checkout a bundle of the sources as they are now,
 * made once for each content and kept in `node_modules/.cache`.
 */
export async function workflowBundle(): Promise<WorkflowBundle> {
  if (existsSync(prebuilt)) return { codePath: prebuilt };
  const codePath = here(`../node_modules/.cache/keybaton/workflows-${await contentName()}.js`);
  if (!existsSync(codePath)) await buildWorkflowBundle(codePath);
  return { codePath };
}
