// Writes to a ledger until it has written enough or is killed, a line for every write that was answered.
import { openLedger } from '../../../ledger/open.ts';
import { bot } from '../fixtures.ts';

const [url = '', name = '', enough = '0'] = process.argv.slice(2);
const ledger = await openLedger({ url });
for (let count = 1; count <= Number(enough); count += 1) {
  if (count % 2 === 0)
    await ledger.alarm({ credential: bot, key: `held/${name}`, text: `${name} ${count}`, page: false });
  else await ledger.note({ kind: 'written', credential: bot, actor: name, body: { count } });
  process.stdout.write(`${count}\n`);
}
await ledger.close();
