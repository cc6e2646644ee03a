import type { CommandOption } from '../command.ts';

export const waitOptions: readonly CommandOption[] = [
  { flags: '--wait', about: 'show every step until it ends' },
  { flags: '--timeout <duration>', about: 'with --wait: stop watching after this long, with exit code 10' },
];
