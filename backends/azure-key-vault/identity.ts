import type { TokenCredential } from '@azure/identity';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import type { AzureKeyVaultSettings } from './settings.ts';

/** Who signs in. */
export interface Identity {
  /** Another one as soon as the admin secret is another one. */
  credential(): Promise<TokenCredential>;
  /** Its token was refused before its time: the next one signs in anew instead of showing the token it keeps. */
  forget(): void;
}

/** `ca`: PEM of the authority to trust instead of the well-known ones. */
export function createIdentity(
  { auth, authority }: AzureKeyVaultSettings,
  ca: string | undefined,
  admin: () => Promise<SecretMaterial>,
): Identity {
  const options = {
    retryOptions: { maxRetries: 0 },
    ...(ca !== undefined && { tlsOptions: { ca } }),
    // Only Azure's own sign-in knows about itself; another one would not be found there.
    ...(authority !== undefined && { authorityHost: authority, disableInstanceDiscovery: true }),
  };
  let opened: { readonly secret: string | undefined; readonly credential: TokenCredential } | undefined;

  async function open(secret: string | undefined): Promise<TokenCredential> {
    const sdk = await import('@azure/identity');
    switch (auth.method) {
      case 'client-secret':
        return new sdk.ClientSecretCredential(auth.tenantId, auth.clientId, secret ?? '', options);
      case 'cli':
        return new sdk.AzureCliCredential();
      case 'workload': {
        const own = auth.clientId === undefined ? {} : { clientId: auth.clientId };
        // What the webhook of workload identity sets in a pod. The chains of the SDK would try secrets of the environment as well.
        if (process.env['AZURE_FEDERATED_TOKEN_FILE'] !== undefined) {
          return new sdk.WorkloadIdentityCredential({ ...options, ...own });
        }
        return new sdk.ManagedIdentityCredential({ ...options, ...own });
      }
    }
  }

  return {
    async credential() {
      const secret = auth.method === 'client-secret' ? (await admin()).revealValue() : undefined;
      if (opened === undefined || opened.secret !== secret) opened = { secret, credential: await open(secret) };
      return opened.credential;
    },
    forget() {
      opened = undefined;
    },
  };
}
