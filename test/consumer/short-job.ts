// Run as a process of its own: connects, uses the secret once, ends as told, and must then exit by itself.
import { text } from 'node:stream/consumers';
import { connect } from '../../consumer/connect.ts';

const { ending, url, token, credential } = JSON.parse(await text(process.stdin));
const connection = connect({ url, token, credential, consumer: 'web', instance: 'job', follow: ending !== 'nothing' });
const { length } = await connection.use(({ api_key = '' }) => api_key);
if (ending === 'leave') await connection.leave();
if (ending === 'close') await connection.close();
process.stdout.write(`used ${String(length)} characters\n`);
