import { KeybatonError } from '../../domain/errors.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';

export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** The admin secret as the SDK wants it. INVALID_CONFIG, naming the fields, when it is something else. */
export function keysIn(admin: SecretMaterial): AwsKeys {
  const { access_key_id, secret_access_key, session_token } = admin.reveal();
  if (access_key_id === undefined || secret_access_key === undefined) {
    throw new KeybatonError(
      'INVALID_CONFIG',
      'the admin credential of this backend must be a JSON object with access_key_id and secret_access_key',
    );
  }
  return {
    accessKeyId: access_key_id,
    secretAccessKey: secret_access_key,
    ...(session_token !== undefined && { sessionToken: session_token }),
  };
}

export function sameKeys(one: AwsKeys | undefined, other: AwsKeys | undefined): boolean {
  return (
    one?.accessKeyId === other?.accessKeyId &&
    one?.secretAccessKey === other?.secretAccessKey &&
    one?.sessionToken === other?.sessionToken
  );
}
