// Answers every request with as many bytes as a secret has, and does nothing: what reading over TCP costs at the least. With the
// name of a file it keeps a line of each request there, on disk before the answer, those that meet in one write together: what
// the disk of this machine costs at the least.

import { open } from 'node:fs/promises';
import { createServer } from 'node:http';

const body = JSON.stringify({
  version: 'x'.repeat(32),
  epoch: 1,
  value: 'api_key',
  fields: { api_key: 'x'.repeat(49) },
});
const file = process.argv[2] === undefined ? undefined : await open(process.argv[2], 'a', 0o600);
let waiting = [];
let writing = false;

async function keep() {
  writing = true;
  while (waiting.length > 0) {
    const group = waiting;
    waiting = [];
    await file.write(`${'x'.repeat(259)}\n`.repeat(group.length));
    await file.datasync();
    for (const answer of group) answer();
  }
  writing = false;
}

const server = createServer((_request, response) => {
  response.setHeader('content-type', 'application/json');
  if (file === undefined) return void response.end(body);
  waiting.push(() => response.end(body));
  if (!writing) void keep();
});
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
process.stdin.on('close', () => process.exit(0)).resume();
