import { z } from 'zod';

/** Sent as `anthropic-version` with every request. */
export const version = '2023-06-01';

const milliseconds = z.int().min(0);

export const anthropicSettings = z.strictObject({
  /** `wrkspc_...`: only keys of this workspace are seen. Without it: the whole organization. */
  workspace: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,100}$/, 'expected a workspace id such as wrkspc_abc')
    .optional(),
  /** Active keys that fit; the vendor publishes no number. */
  maxLive: z.int().min(1).optional(),
  baseUrl: z.url().default('https://api.anthropic.com'),
  // The vendor publishes neither: these are on the safe side.
  createSpread: milliseconds.default(60_000),
  revokeSpread: milliseconds.default(60_000),
  callTimeout: z.int().min(100).max(15_000).default(10_000),
});

export type AnthropicSettings = z.output<typeof anthropicSettings>;
