// Says what it was given, on every channel it has, and ends with code 3.

import { writeSync } from 'node:fs';

const words: readonly string[] = process.argv.slice(2);
console.log(`arguments: ${words.join(' ')}`);
console.error(`variable: ${process.env['SPEAKS'] ?? 'none'}`);
writeSync(3, 'through the third pipe');
process.exitCode = 3;
