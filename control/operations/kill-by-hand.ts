import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KeybatonError } from '../../domain/errors.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import type { EmergencyPorts } from '../incident-ports.ts';
import { freeze } from './emergency-candidates.ts';
import type { Candidate } from './emergency-candidates.ts';
import { askLedger, knownToLedger, knownToSheet } from './emergency-known.ts';
import { inScope } from './emergency-scope.ts';
import { told } from './within.ts';

/** How to kill the keys of one credential with no keybaton at all. No secret. */
export interface ByHand {
  readonly credential: CredentialId;
  readonly keys: readonly {
    readonly version: VersionId;
    readonly target: string;
    readonly fate: string;
    /** Console address, key id and the exact command. */
    readonly text: readonly string[];
  }[];
}

export interface ByHandView extends ByHand {
  readonly source: 'ledger' | 'kill sheet';
  readonly troubles: readonly string[];
}

/** From the ledger, else the kill sheet. NOT_FOUND saying what there is; UNAVAILABLE when neither can be read. */
export async function showByHand(
  ports: Pick<EmergencyPorts, 'ledger' | 'known' | 'now'>,
  { credential }: { readonly credential: CredentialId },
): Promise<ByHandView> {
  const scope = { credentials: [credential] };
  const asked = await askLedger(ports, (ledger) => knownToLedger(ledger, scope));
  const troubles = 'trouble' in asked ? [`ledger: ${asked.trouble}`] : [];
  const known = 'answer' in asked ? asked.answer : await sheetOf(ports, troubles);
  const named = { credentials: [known.renamed.get(credential) ?? credential] };
  const [found] = inScope(known.candidates, known.targets, named);
  if (found === undefined) throw new KeybatonError('NOT_FOUND', `there is no credential ${credential}`);
  return { ...(await textsOf(ports, found)), source: known.source, troubles };
}

async function sheetOf({ known }: Pick<EmergencyPorts, 'known'>, troubles: readonly string[]) {
  const { sheet, trouble } = await known.killSheet();
  if (sheet !== undefined) return knownToSheet(sheet);
  const why = [...troubles, `kill sheet: ${trouble ?? 'there is none on this machine'}`].join('; ');
  throw new KeybatonError('UNAVAILABLE', `nothing tells which keys there are (${why}): take the bundle of last night`);
}

async function textsOf({ known, now }: Pick<EmergencyPorts, 'known' | 'now'>, candidate: Candidate): Promise<ByHand> {
  const keys = await Promise.all(
    freeze(candidate, now(), true).map(async (one) => ({
      version: one.version,
      target: one.target,
      fate: candidate.versions.find(({ version }) => version === one.version)?.fate ?? 'unknown',
      text: await known.byHand(one).catch((thrown: unknown) => [`cannot tell how: ${told(thrown)}`]),
    })),
  );
  return { credential: candidate.credential, keys };
}

export interface Bundle {
  readonly installation: string;
  /** The newest event of the ledger that it includes, and when. */
  readonly n: number;
  readonly at: number;
  readonly credentials: readonly ByHand[];
}

/** Every key that may live and how to kill it by hand, from the kill sheet alone. UNAVAILABLE when it cannot be read. */
export async function byHandBundle(ports: Pick<EmergencyPorts, 'known' | 'now'>): Promise<Bundle> {
  const { sheet, trouble } = await ports.known.killSheet();
  if (sheet === undefined)
    throw new KeybatonError(
      'UNAVAILABLE',
      `there is no kill sheet to read: ${trouble ?? 'start a worker or the API on this machine'}`,
    );
  const credentials: ByHand[] = [];
  for (const candidate of knownToSheet(sheet).candidates) {
    const one = await textsOf(ports, candidate);
    if (one.keys.length > 0) credentials.push(one);
  }
  return { installation: sheet.installation, n: sheet.n, at: sheet.at, credentials };
}

/** The bundle as a page that prints well and needs no program to read. */
export function bundleText({ installation, n, at, credentials }: Bundle): string {
  const keys = credentials.reduce((sum, one) => sum + one.keys.length, 0);
  return [
    `# Killing every key by hand`,
    '',
    `Installation ${installation}, as of ${new Date(at).toISOString()} (event ${n}): ${keys} keys of ${credentials.length} credentials.`,
    'No secret is in here. Newer keys are not: ask the consoles for anything that carries our tag.',
    ...credentials.flatMap((one) => [
      '',
      `## ${one.credential}`,
      ...one.keys.flatMap(({ version, target, fate, text }) => [
        '',
        `### ${version} (${fate}, target ${target})`,
        '',
        ...text.flatMap((line) => line.split('\n')).map((line) => `    ${line}`.trimEnd()),
      ]),
    ]),
    '',
  ].join('\n');
}

export interface WrittenBundle {
  readonly file: string;
  readonly at: number;
  readonly credentials: number;
  readonly keys: number;
}

export async function writeByHandBundle(
  ports: Pick<EmergencyPorts, 'known' | 'now'>,
  where: { readonly file: string },
): Promise<WrittenBundle> {
  return writeBundle(await byHandBundle(ports), where);
}

/** Writes the bundle, mode 0600, whole or not at all, over the one of last night. Answers what it holds. */
export async function writeBundle(bundle: Bundle, { file }: { readonly file: string }): Promise<WrittenBundle> {
  await replaceFile(file, bundleText(bundle));
  const keys = bundle.credentials.reduce((sum, one) => sum + one.keys.length, 0);
  return { file, at: bundle.at, credentials: bundle.credentials.length, keys };
}

async function replaceFile(file: string, text: string): Promise<void> {
  const draft = `${file}.${randomUUID()}.new`;
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (thrown) {
    await rm(draft, { force: true });
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown';
    throw new KeybatonError(
      code === 'ENOSPC' ? 'CAPACITY_EXHAUSTED' : code === 'EACCES' ? 'ACCESS_DENIED' : 'INVALID_CONFIG',
      `the bundle cannot be written into ${dirname(file)} (${code})`,
      { cause: thrown },
    );
  }
}
