import { z } from 'zod';

const name = z.string().regex(/^[A-Za-z0-9_.-]{1,100}$/, 'letters, digits, - _ and .');

export const githubSettings = z.strictObject({
  /** https://HOST/api/v3 for GitHub Enterprise Server. */
  api: z.url({ protocol: /^https?$/ }).default('https://api.github.com'),
  owner: name,
  repository: name,
  /** Secrets of this deployment environment instead of the repository's. */
  environment: z
    .string()
    .regex(/^[^\0\n]{1,255}$/)
    .optional(),
  /**
   * `app`: the admin secret is the private key (PEM) of this GitHub App, which gets tokens of an hour. `token`: it is a
   * fine-grained token.
   */
  auth: z.discriminatedUnion('method', [
    z.strictObject({
      method: z.literal('app'),
      appId: z.string().regex(/^[A-Za-z0-9._-]{1,60}$/, 'the id of the app, or its client id'),
      installationId: z.number().int().positive(),
    }),
    z.strictObject({ method: z.literal('token') }),
  ]),
  /** Milliseconds for one HTTP call. */
  timeout: z.number().int().min(100).max(15_000).default(8_000),
});

export type GithubSettings = z.output<typeof githubSettings>;
