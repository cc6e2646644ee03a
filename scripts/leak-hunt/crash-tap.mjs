// Given to the worker of a leak hunt by `--import`, after the tap that tells the hunt every value: a library that fails while it
// holds a value, where nobody catches it. After SIGHUP the next value that the worker makes is thrown in an error, in every way in
// which an error can hold one; after SIGWINCH the process aborts with it in hand. The names of the error's class and of the
// function that aborts are control values: they come out by the door through which a value would.

import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { setImmediate } from 'node:timers';

const { searchParams } = new URL(import.meta.url);
const [thrown, aborting] = [searchParams.get('thrown') ?? 'Thrown', searchParams.get('aborting') ?? 'aborting'];

const Failure = { [thrown]: class extends Error {} }[thrown];
const ends = {
  SIGHUP(value) {
    const error = new Failure(`POST failed: ${JSON.stringify({ authorization: `Bearer ${value}` })}`, {
      cause: new AggregateError([new Error(value), value]),
    });
    throw Object.assign(error, { token: value, config: { headers: { authorization: value } } });
  },
  SIGWINCH: { [aborting]: (value) => process.abort(value) }[aborting],
};

let next;
for (const [signal, end] of Object.entries(ends)) process.on(signal, () => (next = end));

const { randomBytes } = crypto;
crypto.randomBytes = (size, callback) => {
  const bytes = randomBytes(size, callback);
  if (size === 32 && callback === undefined && next !== undefined) setImmediate(next, bytes.toString('base64url'));
  return bytes;
};
syncBuiltinESMExports();
