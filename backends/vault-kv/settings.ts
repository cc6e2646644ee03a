import { z } from 'zod';

const path = z
  .string()
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9_.-]*(\/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$/,
    'a path like team/secrets, without / at its ends',
  );

const file = z.string().regex(/^\/[^\0\n]{1,1000}$/, 'an absolute path');

/** An address of Vault's API: https://host[:port][/prefix]; plain http only to this machine. */
const address = z.url({ protocol: /^https?$/ });

/** Where the kubelet puts the token of a pod's service account. */
const podToken = '/var/run/secrets/kubernetes.io/serviceaccount/token';

export const vaultKvSettings = z.strictObject({
  address,
  /** The other nodes of the same cluster: a standby's redirect to one of these is followed, to anything else never. */
  nodes: z.array(address).max(32).default([]),
  namespace: path.optional(),
  /** Where the KV v2 engine is mounted. */
  mount: path.default('secret'),
  /**
   * `token`: the admin secret is the token. `approle`: it is the secret id of this role. `kubernetes`: the token of our pod's
   * service account is read from a file at every login. `jwt`: a token of another issuer, from a file or the admin secret.
   */
  auth: z
    .discriminatedUnion('method', [
      z.strictObject({ method: z.literal('token') }),
      z.strictObject({ method: z.literal('approle'), roleId: z.string().min(1), mount: path.default('approle') }),
      z.strictObject({
        method: z.literal('kubernetes'),
        role: z.string().min(1),
        mount: path.default('kubernetes'),
        tokenFile: file.default(podToken),
      }),
      z.strictObject({
        method: z.literal('jwt'),
        /** Unsaid: the mount's default role. */
        role: z.string().min(1).optional(),
        mount: path.default('jwt'),
        tokenFile: file.optional(),
      }),
    ])
    .default({ method: 'token' }),
  /** Folder of the same mount for versions that nobody may read yet: outside every path that a consumer's policy names. */
  stagingPrefix: path.default('keybaton-staging'),
  /** PEM file of the authority that signed the server's certificate, where that is not a well-known one. */
  caFile: z.string().min(1).optional(),
  /** Where this host can read the file of an audit device, rotated files beside it: who read a compromised version. */
  auditFile: file.optional(),
  /** Milliseconds for one HTTP call. */
  timeout: z.number().int().min(100).max(15_000).default(8_000),
});

export type VaultKvSettings = z.output<typeof vaultKvSettings>;
