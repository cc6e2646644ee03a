// Given to the demo's worker by `--import`: hands every value the worker makes to whoever started it, through the inherited
// pipe on descriptor 3, so that the demo can search for it. No part of keybaton: the worker is the one that everybody runs.
// A login's password is 32 random bytes in base64url, and nothing else the worker makes at random is of that length.

import crypto from 'node:crypto';
import { writeSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const pipe = 3;
const { randomBytes } = crypto;

crypto.randomBytes = (size, callback) => {
  const bytes = randomBytes(size, callback);
  if (size === 32 && callback === undefined) {
    writeSync(pipe, `${JSON.stringify({ value: bytes.toString('base64url') })}\n`);
  }
  return bytes;
};
syncBuiltinESMExports();
