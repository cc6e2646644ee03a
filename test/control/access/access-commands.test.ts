import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AccessFolder } from '../../../control/access-folder.ts';
import type { CommandContext, Given } from '../../../control/cli/command.ts';
import { accessTokenMakeCommand, accessTokenRevokeCommand } from '../../../control/cli/commands/access.ts';
import { KeybatonError } from '../../../domain/errors.ts';
import { openLedger } from '../../../ledger/open.ts';
import { openAccessFolder } from '../../../worker/people.ts';

let home: string;
let answers: Record<string, unknown>[];
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'keybaton-access-cli-'));
  answers = [];
});
afterEach(() => rm(home, { recursive: true }));

const folder = (): Promise<AccessFolder> => openAccessFolder({ KEYBATON_HOME: home });
const url = (): string => `sqlite:${join(home, 'ledger.sqlite')}`;

/** What these two commands touch of a command line. */
function line(words: readonly string[], openAccess = folder): [CommandContext, Given] {
  const context = {
    actor: 'os:ada',
    environment: { openAccess },
    output: {
      answer: (answer: Record<string, unknown>) => void answers.push(answer),
      note: () => undefined,
      width: 80,
    },
  };
  const given = {
    argument: (index: number) => words[index],
    duration: () => undefined,
    texts: () => [],
  };
  // Nothing else of either is asked for by these commands.
  return [context as unknown as CommandContext, given as unknown as Given];
}

test('a token that is made, and one that is revoked, are events of the ledger, without the token', async () => {
  await (await openLedger({ url: url() })).close();
  await accessTokenMakeCommand.run(...line(['ci', 'viewer']));
  const id = String(answers[0]?.['id']);
  await accessTokenRevokeCommand.run(...line([id]));
  const ledger = await openLedger({ url: url() });
  const events = (await ledger.history({ limit: 20 })).filter(({ kind }) => kind.startsWith('access.token'));
  await ledger.close();
  expect(events.map(({ kind, actor, body }) => [kind, actor, body])).toEqual([
    ['access.token-made', 'os:ada', expect.objectContaining({ token: id, name: 'ci', method: 'local' })],
    ['access.token-revoked', 'os:ada', { token: id, method: 'local', address: 'local' }],
  ]);
  expect(JSON.stringify(events)).not.toContain(String(answers[0]?.['token']).slice(4));
});

test('without a ledger they wait on disk for it, and none is made', async () => {
  await accessTokenMakeCommand.run(...line(['ci', 'viewer']));
  const text = await readFile(join(home, 'access-events.jsonl'), 'utf8');
  expect(text).toContain('"access.token-made"');
  await expect(readFile(join(home, 'ledger.sqlite'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a token of which no record can be kept is given to nobody and lets nobody in', async () => {
  const full = async (): Promise<AccessFolder> => ({
    ...(await folder()),
    record: () => Promise.reject(new KeybatonError('CAPACITY_EXHAUSTED', 'the disk is full')),
  });
  await expect(accessTokenMakeCommand.run(...line(['ci', 'viewer'], full))).rejects.toMatchObject({
    code: 'CAPACITY_EXHAUSTED',
  });
  expect(answers).toEqual([]);
  expect(await (await folder()).tokens.list()).toEqual([]);
});
