import type { Writable } from 'node:stream';
import { z } from 'zod';
import type { ThiefUse } from '../domain/drill.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';

/** What is said between a drill and its thief: one line down the inherited pipe, one line back for each use. */

const order = z.strictObject({
  provider: z.string(),
  target: z.string(),
  environment: z.string(),
  installation: z.string(),
  settings: z.unknown(),
  /** Where adapters from outside are loaded from. */
  config: z.string().optional(),
  /** Milliseconds between two uses. */
  every: z.number(),
  material: z.strictObject({ fields: z.record(z.string(), z.string()), value: z.string() }),
});

export type ThiefOrder = z.output<typeof order>;

/** The only place where a drill's value leaves its material: into the pipe that the thief inherited. */
export function handOver(pipe: Writable, about: Omit<ThiefOrder, 'material'>, material: SecretMaterial): void {
  const whole: ThiefOrder = { ...about, material: { fields: material.reveal(), value: material.valueFieldName() } };
  pipe.write(`${JSON.stringify(whole)}\n`);
}

/** Undefined where it is no order; what it was is never shown. */
export function readOrder(line: string): ThiefOrder | undefined {
  return read(order, line);
}

const use = z.strictObject({
  began: z.number(),
  ended: z.number(),
  answer: z.enum(['accepted', 'forbidden', 'refused', 'unanswered']),
});

export const writeUse = (one: ThiefUse): string => `${JSON.stringify(one)}\n`;

/** Undefined for a line that is no use: a library may print too, and nothing else is taken from the thief. */
export function readUse(line: string): ThiefUse | undefined {
  return read(use, line);
}

function read<Read>(schema: z.ZodType<Read>, line: string): Read | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : undefined;
  } catch {
    // A parse error would quote the line.
    return undefined;
  }
}
