// Starts servers, says which processes and folders that makes, and waits to be killed.

import { startPostgresServer } from '../../../scripts/servers/postgres-server.ts';
import { temporaryFolder } from '../../../scripts/servers/temporary-folder.ts';
import { startScript } from '../../../scripts/servers/child-process.ts';

const folder = temporaryFolder('held');
const database = await startPostgresServer();
const child = await startScript({ file: new URL('sleeps.ts', import.meta.url) });
child.signal('SIGSTOP');
process.stdout.write(`${JSON.stringify({ pids: [database.process().pid, child.pid], folder: folder.path })}\n`);
setInterval(() => undefined, 60_000);
