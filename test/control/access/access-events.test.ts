import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openAccessEvents } from '../../../control/access/access-events.ts';
import type { AccessEvent } from '../../../control/access/access-events.ts';
import { KeybatonError } from '../../../domain/errors.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keybaton-events-'));
});
afterEach(() => rm(folder, { recursive: true }));

const event = (actor: string): AccessEvent => ({ kind: 'access.done', actor, body: {} });

test('what is written into the file while it is being sent is sent too', async () => {
  const path = join(folder, 'events.jsonl');
  const noted: string[] = [];
  let down = true;
  const ledger = async () => ({
    async note({ actor }: AccessEvent) {
      if (down) throw new KeybatonError('UNAVAILABLE', 'the ledger is down');
      // Another process, which had opened the file before it was moved aside.
      if (noted.length === 0)
        await appendFile(`${path}.sending`, `\n${JSON.stringify({ id: 'late', at: 1, ...event('late') })}\n`);
      noted.push(actor);
    },
  });
  const events = openAccessEvents(path, ledger, () => undefined);
  await events.write(event('first'));
  down = false;
  await events.drain();
  expect(noted).toEqual(['first', 'late']);
});
