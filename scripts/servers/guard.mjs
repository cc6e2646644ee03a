// Outlives the process that started it by a moment, to end what that process left behind when it was killed itself.
// Reads lines on stdin: "+p PID", "-p PID", "+d FOLDER", "-d FOLDER"; when stdin closes, kills those processes and removes those folders.

import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

const processes = new Set();
const folders = new Set();

for await (const line of createInterface({ input: process.stdin })) {
  const set = line[1] === 'p' ? processes : folders;
  const name = line.slice(3);
  if (line[0] === '+') set.add(name);
  else set.delete(name);
}

for (const pid of processes) {
  try {
    process.kill(Number(pid), 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
