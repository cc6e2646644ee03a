import { z } from 'zod';

const path = z
  .string()
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9_.-]*(\/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$/,
    'a path like team/secrets, without / at its ends',
  );

export const vaultKvSettings = z.strictObject({
  /** https://host[:port][/prefix]; plain http only to this machine. */
  address: z.url({ protocol: /^https?$/ }),
  namespace: path.optional(),
  /** Where the KV v2 engine is mounted. */
  mount: path.default('secret'),
  /** `token`: the admin secret is the token. `approle`: it is the secret id of this role. */
  auth: z
    .discriminatedUnion('method', [
      z.strictObject({ method: z.literal('token') }),
      z.strictObject({ method: z.literal('approle'), roleId: z.string().min(1), mount: path.default('approle') }),
    ])
    .default({ method: 'token' }),
  /** Folder of the same mount for versions that nobody may read yet: outside every path that a consumer's policy names. */
  stagingPrefix: path.default('keybaton-staging'),
  /** PEM file of the authority that signed the server's certificate, where that is not a well-known one. */
  caFile: z.string().min(1).optional(),
  /** Milliseconds for one HTTP call. */
  timeout: z.number().int().min(100).max(15_000).default(8_000),
});

export type VaultKvSettings = z.output<typeof vaultKvSettings>;
