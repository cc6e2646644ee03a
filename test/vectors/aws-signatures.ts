import { readFileSync } from 'node:fs';
import { z } from 'zod';

const shape = z.object({
  url: z.string(),
  at: z.string(),
  region: z.string(),
  service: z.string(),
  accessKeyId: z.string(),
  exampleKey: z.string(),
  vectors: z
    .array(
      z.object({
        about: z.string(),
        method: z.enum(['GET', 'POST']),
        headers: z.record(z.string(), z.string()),
        body: z.string(),
        session: z.string().optional(),
        authorization: z.string(),
      }),
    )
    .min(6),
});

/** What AWS published of Signature Version 4; both SDKs are held to it. */
export function awsSignatureVectors() {
  return shape.parse(JSON.parse(readFileSync(new URL('./aws-signatures.json', import.meta.url), 'utf8')));
}
