import { z } from 'zod';

const httpsAddress = z.url({ protocol: /^https$/, error: 'an https address' });

export const azureKeyVaultSettings = z.strictObject({
  /** https://NAME.vault.azure.net */
  vaultUrl: httpsAddress,
  /**
   * `workload`: the federated identity of the pod, else the managed identity of the host; `clientId` chooses a user-assigned one.
   * `cli`: whoever is signed in with `az` on this machine. `client-secret`: the admin secret is that of this application.
   */
  auth: z
    .discriminatedUnion('method', [
      z.strictObject({ method: z.literal('workload'), clientId: z.string().min(1).optional() }),
      z.strictObject({ method: z.literal('cli') }),
      z.strictObject({
        method: z.literal('client-secret'),
        tenantId: z.string().regex(/^[A-Za-z0-9.-]+$/, 'a tenant id'),
        clientId: z.string().min(1),
      }),
    ])
    .default({ method: 'workload' }),
  /** First part of the names of secrets that nobody may read yet. */
  stagingPrefix: z
    .string()
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'lower-case letters and digits, with single hyphens between')
    .max(40)
    .default('keybaton-staging'),
  /** Where tokens come from, in a sovereign cloud or on Azure Stack; Azure's own address by default. */
  authority: httpsAddress.optional(),
  /** The vault's host is not one of Azure's, so it need not lie in the domain that its challenge names. */
  ownDomain: z.boolean().default(false),
  /** PEM file of the authority that signed the certificates, where that is not a well-known one. */
  caFile: z.string().min(1).optional(),
  /** Milliseconds for one call. */
  timeout: z.number().int().min(100).max(15_000).default(8_000),
});

export type AzureKeyVaultSettings = z.output<typeof azureKeyVaultSettings>;
