/**
 * The thief of a drill, a process of its own: uses the key it was handed again and again, and tells each answer's time on
 * standard output. It has no admin credential and no environment of ours, and ends when its pipe does.
 */
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { setTimeout as after } from 'node:timers/promises';
import type { BoundProvider } from '../activities/ports.ts';
import type { ThiefUse } from '../domain/drill.ts';
import { KeybatonError } from '../domain/errors.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import { providers } from '../providers/registry.ts';
import { bindProvider } from './bind-provider.ts';
import { readOrder, writeUse, type ThiefOrder } from './drill-handover.ts';
import { loadConfig } from './load-config.ts';

const input = createInterface({ input: process.stdin });
input.once('close', () => process.exit(0));
input.once('line', (line) => {
  const order = readOrder(line);
  if (order === undefined) process.exit(2);
  // Nothing thrown is printed: an adapter's error may hold anything.
  steal(order).catch(() => process.exit(1));
});

async function steal(order: ThiefOrder): Promise<void> {
  const provider = await bound(order);
  const material = new SecretMaterial(order.material.fields, order.material.value);
  for (;;) {
    process.stdout.write(writeUse(await use(provider, material)));
    await after(order.every);
  }
}

async function bound({ config, ...order }: ThiefOrder): Promise<BoundProvider> {
  const outside = config === undefined ? {} : (await loadConfig(config)).providers;
  const factory = { ...outside, ...providers }[order.provider];
  if (factory === undefined) throw new KeybatonError('INVALID_CONFIG', 'the thief does not have this adapter');
  return bindProvider(factory(), {
    name: order.target,
    environment: order.environment,
    installation: order.installation,
    settings: order.settings,
    admin: () => Promise.reject(new KeybatonError('ACCESS_DENIED', 'a thief has no admin credential')),
  });
}

async function use(provider: BoundProvider, material: SecretMaterial): Promise<ThiefUse> {
  const began = Date.now();
  const { callTimeout } = provider.traits;
  const call = {
    signal: AbortSignal.timeout(callTimeout),
    deadline: began + callTimeout,
    now: () => Date.now(),
    random: (bytes: number) => randomBytes(bytes),
  };
  // No answer is no verdict: neither in nor out.
  const answer = await provider.verify(material, call).catch(() => 'unanswered' as const);
  return { began, ended: Date.now(), answer };
}
