import { setTimeout as after } from 'node:timers/promises';

/** Polls until it holds; says what never did. Generous: the machines are noisy, and nothing waits for the whole of it. */
export async function until(what: string, holds: () => Promise<boolean> | boolean, within = 25_000): Promise<void> {
  for (const began = Date.now(); Date.now() - began < within; await after(25)) {
    if (await holds()) return;
  }
  throw new Error(`waited ${within} ms in vain until ${what}`);
}
