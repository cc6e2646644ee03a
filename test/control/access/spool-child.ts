/**
 * Records readings as fast as they are acknowledged, into a log that fails while the file `down` is there; prints each once it
 * is acknowledged. Killed from outside, at any time.
 */
import { existsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openAccessLog } from '../../../control/access/access-log.ts';
import { appendDurably } from '../../../control/access/json-lines.ts';
import { parseCredentialId, parseVersionId } from '../../../domain/identifiers.ts';

const [folder = '', name = ''] = process.argv.slice(2);
const path = join(folder, 'access.jsonl');
const log = await openAccessLog(path, {
  retryAfter: 5,
  append: async (file, records) => {
    const half = Math.random() < 0.3;
    // A failing disk may have done what it says it has not.
    if (existsSync(join(folder, 'down')) && half) await appendDurably(file, records);
    if (existsSync(join(folder, 'down'))) throw new Error('EIO');
    await appendDurably(file, records);
  },
});
const credential = parseCredentialId('in-memory/dev/app');
const version = parseVersionId(`kb${'a'.repeat(30)}`);
for (let at = 1; ; at += 3) {
  const group = [at, at + 1, at + 2].map((one) =>
    log
      .record({ at: one, credential, consumer: name, token: 't1', address: '::1', which: 'current', version, epoch: 1 })
      .then(() => writeSync(1, `${String(one)}\n`)),
  );
  await Promise.all(group);
}
