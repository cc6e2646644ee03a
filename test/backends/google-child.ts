// A process of its own without any Google credential: does it live on after the error? Argument: the address to use.
import { setTimeout as sleep } from 'node:timers/promises';
import { isKeybatonError } from '../../domain/errors.ts';
import { backendWith, placeAt } from './google-subject.ts';

const [address = ''] = process.argv.slice(2);
const backend = backendWith(address, 'unused', { auth: { method: 'application-default' } });
const call = { signal: AbortSignal.timeout(30_000), deadline: Date.now() + 30_000, now: () => Date.now() };
try {
  await backend.describe(placeAt('ai/prod/nobody'), call);
} catch (thrown) {
  const text = isKeybatonError(thrown)
    ? `${thrown.code} ${thrown.message.split(':')[0] ?? ''}`
    : 'an error of somebody else';
  process.stdout.write(`${text}\n`);
}
// An unhandled rejection is noticed when the queue of tasks has run empty.
await sleep(50);
process.stdout.write('still here\n');
