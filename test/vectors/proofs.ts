import { readFileSync } from 'node:fs';
import { z } from 'zod';

const shape = z.object({
  vectors: z
    .array(
      z.object({
        about: z.string(),
        value: z.string(),
        credential: z.string(),
        version: z.string(),
        epoch: z.number(),
        consumer: z.string(),
        instance: z.string(),
        proofKey: z.string(),
        proof: z.string(),
      }),
    )
    .min(5),
});

/** The file that both sides, and every SDK, are held to. */
export function proofVectors() {
  return shape.parse(JSON.parse(readFileSync(new URL('./proofs.json', import.meta.url), 'utf8'))).vectors;
}
