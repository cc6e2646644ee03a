import { access, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorTable, KeybatonError } from '../../../domain/errors.ts';
import { discover, type Discovered } from '../../operations/discover.ts';
import { oneLine } from '../../operations/discover-draft.ts';
import type { Command } from '../command.ts';
import { count, moment } from '../text.ts';

export const discoverCommand: Command = {
  name: 'discover',
  summary: 'Look through a vault you have, and draft the two files',
  about:
    'Only reads, and needs neither Temporal nor a ledger. Names keys by their shape, their age, who reads them and how often (with the audit file of Vault or OpenBao), keys that stand in several places, and keys at a target that no entry holds (with --targets, whose admin credentials are asked for lists). No value is shown or kept. The draft is in mode observe, and keybaton apply takes it as it is. The exit code is 8 when something was not seen: it is told, and may hold anything.',
  options: [
    { flags: '--backend <kind-or-name>', about: 'a backend of --targets, or a kind such as vault-kv' },
    { flags: '--audit-file <file>', about: 'of Vault or OpenBao: who reads what, and how often' },
    { flags: '--targets <file>', about: 'the targets file, where there is one already' },
    { flags: '--settings <file>', about: 'with a kind: YAML with what targets.yml says under settings' },
    { flags: '--admin <reference>', about: 'with a kind: env:NAME or file:/path; env:VAULT_TOKEN for vault-kv' },
    { flags: '--mount <mount...>', about: 'with vault-kv: only these engines; all that can be seen unless said' },
    { flags: '--namespace <namespace...>', about: 'with vault-kv: in these namespaces' },
    { flags: '--path <prefix>', about: 'only what lies below this path' },
    { flags: '--team <team>', about: 'whose the drafted entries are', default: 'platform' },
    { flags: '--environment <name>', about: 'where neither path nor target tells', default: 'unsorted' },
    { flags: '--out <file>', about: 'write the inventory there, and targets.yml beside it; never over a file' },
    { flags: '--targets-out <file>', about: 'write the drafted targets there' },
  ],
  answers: ['at', 'entries', 'ours', 'keys', 'others', 'unrecognised', 'targets', 'trail', 'unseen', 'left', 'files'],
  examples: [
    {
      line: 'keybaton discover --backend vault-kv --audit-file /var/log/vault/audit.log --out inventory.yml',
      about: 'Vault or OpenBao at VAULT_ADDR, with the token in VAULT_TOKEN',
    },
    { line: 'keybaton discover --backend vault-kv --mount team/kv --path ai', about: 'one folder, to the terminal' },
    { line: 'keybaton discover --backend vault-prod --targets targets.yml', about: 'a backend that you named already' },
  ],
  async run({ environment, output, signal }, given) {
    const backend = given.required('backend', 'a backend of the targets file, or a kind such as vault-kv');
    const names = { inventory: given.text('out'), targets: given.text('targetsOut') };
    const targetsFile = given.text('targets');
    if (names.inventory !== undefined && names.targets === undefined)
      names.targets = join(dirname(names.inventory), targetsFile === undefined ? 'targets.yml' : 'targets.draft.yml');
    await Promise.all(Object.values(names).map(mustBeFree));
    const discovery = await environment.discovery?.();
    if (discovery === undefined)
      throw new KeybatonError('UNSUPPORTED', 'this process cannot open vaults: run keybaton itself');
    const found = await discover(discovery, {
      ...{ backend, signal, auditFile: given.text('auditFile'), below: given.text('path') },
      ...{ mounts: given.texts('mount'), namespaces: given.texts('namespace'), admin: given.text('admin') },
      ...{ team: given.text('team') ?? 'platform', environment: given.text('environment') ?? 'unsorted' },
      targets: await textOf(targetsFile),
      settings: await textOf(given.text('settings')),
      variable: (name) => environment.variable?.(name),
    });
    const { draft, seen, unseen } = found;
    if (names.inventory !== undefined) await writeNew(names.inventory, draft.inventory);
    if (names.targets !== undefined && draft.targets !== undefined) await writeNew(names.targets, draft.targets);
    const files = { inventory: draft.inventory, targets: draft.targets };
    output.answer({ ...seen, unseen, left: draft.left, files }, () =>
      names.inventory === undefined ? draftText(found) : `${written(found, names)}\n`,
    );
    for (const line of summary(found)) output.note(oneLine(line));
    return unseen.length === 0 ? 0 : errorTable.VERIFICATION_FAILED.exit;
  },
};

type Names = { readonly inventory: string | undefined; readonly targets: string | undefined };

function draftText({ draft }: Discovered): string {
  const inventory = `# inventory.yml, drafted by keybaton discover\n${draft.inventory}`;
  return draft.targets === undefined ? inventory : `${inventory}\n---\n# targets.yml\n${draft.targets}`;
}

function written({ draft }: Discovered, { inventory, targets }: Names): string {
  const lines = [`${inventory ?? ''}: ${count(draft.credentials.length, 'credential')} in mode observe`];
  if (draft.targets !== undefined && targets !== undefined) lines.push(`${targets}: what they name; read its comments`);
  return lines.join('\n');
}

/** For people, beside the draft. Names only. */
function summary({ seen, draft, unseen }: Discovered): readonly string[] {
  const shared = [...Map.groupBy(seen.keys, ({ value }) => value).values()].filter((same) => same.length > 1);
  const { trail, unrecognised } = seen;
  return [
    `${count(seen.entries, 'entry', 'entries')} seen, ${seen.ours} of keybaton; ${count(seen.keys.length, 'key')} recognised, ${count(unrecognised.texts, 'text')} not`,
    ...(trail === undefined
      ? ['no audit file was read: who reads them is not known']
      : [`the audit file begins ${trail.begins === undefined ? 'with nothing' : `at ${moment(trail.begins)}`}`]),
    ...shared.map(
      (same) => `SHARED by ${same.length} places: ${same.map(({ backend, path }) => `${backend} ${path}`).join(', ')}`,
    ),
    ...seen.targets.flatMap(({ target, listed, unmanaged, hidden }) => [
      `target ${target} lists ${count(listed, 'key')}${hidden === 0 ? '' : `; ${hidden} show too little to be compared`}`,
      ...unmanaged.map(({ id }) => `UNMANAGED at target ${target}: ${id} fits nothing that was found`),
    ]),
    ...seen.others.map(({ backend, path, field, what }) => `backend ${backend}, ${path}, field ${field}: ${what}`),
    ...draft.left.map((line) => `left out: ${line}`),
    ...unseen.map(({ where, code, why }) => `NOT SEEN: ${where}: ${code}: ${why}`),
  ];
}

async function textOf(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  return readFile(file, 'utf8').catch(() => {
    throw new KeybatonError(
      'INVALID_CONFIG',
      `cannot read ${oneLine(file)}: give the path of a file that you may read`,
    );
  });
}

/** Before anything is asked: a walk may take long. */
async function mustBeFree(file: string | undefined): Promise<void> {
  if (file === undefined) return;
  const there = await access(file).then(
    () => true,
    () => false,
  );
  if (there) throw taken(file);
}

const taken = (file: string): KeybatonError =>
  new KeybatonError('CONFLICT', `${oneLine(file)} is there already: name another file, or move it away`);

async function writeNew(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx', mode: 0o600 });
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown';
    if (code === 'EEXIST') throw taken(file);
    throw new KeybatonError('INVALID_CONFIG', `${oneLine(file)} cannot be written (${code})`, { cause: thrown });
  }
}
